package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

// orderWithin bounds what an order at the control socket may take.
const orderWithin = 5 * time.Second

// minDigits is from which length on digits are the text of a code, and no number of one.
const minDigits = 20

// order is something one can type beside a code.
type order struct {
	name string
	do   func(ctx context.Context, l *live, arg string) (string, error)
}

// orders is the catalogue; helpText says what they do.
func orders() []order {
	return []order{
		{"jam", jam},
		{"free", free},
		{"force", force},
		{"shut", shut},
		{"hold", hold},
		{"unplug", unplug},
		{"plug", plug},
		{"new", issueNew},
		{"qr", showQR},
		{"labels", labels},
		{"stock", showStock},
		{"report", showReport},
		{"verify", showVerify},
		{"revoke", revoke},
		{"help", help},
		{"?", help},
		{"quit", quit},
		{"exit", quit},
		{"q", quit},
	}
}

// command carries out what was typed: an order, or a scan.
func (l *live) command(line string) {
	name, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	do := scanText
	for _, o := range orders() {
		if o.name == strings.ToLower(name) {
			do, line = o.do, strings.TrimSpace(arg)
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), orderWithin)
	defer cancel()
	text, err := do(ctx, l, line)
	l.note = sentence{text, calm}
	if err != nil {
		l.note = sentence{err.Error(), wary}
	}
}

// scanText holds a code, or any other text, before the scanner.
func scanText(_ context.Context, l *live, line string) (string, error) {
	text, what := strings.TrimSpace(line), fmt.Sprintf("The scanner reads %q; it is no code's number and no command (help).", line)
	if bare := strings.ReplaceAll(text, " ", ""); strings.Trim(bare, "0123456789") == "" {
		text, what = bare, "The scanner reads this code."
		if len(bare) < minDigits {
			what = fmt.Sprintf("There is no code %s (1 to %d); the scanner reads the text.", bare, len(l.codes.list))
		}
	}
	if k, ok := l.codes.numbered(text); ok {
		text, what = k.text, fmt.Sprintf("The scanner reads code %d, %s.", k.number, k.words)
	}
	if text == strings.TrimSpace(line) {
		l.hands.read()
	}
	if err := l.hw.scanner.Scan(text); err != nil {
		return "", fmt.Errorf("the scanner's cable is out (plug scanner): %w", err)
	}
	return what, nil
}

// labels tells the hands whether they scan what they put in.
func labels(_ context.Context, l *live, arg string) (string, error) {
	switch arg {
	case "off":
		l.hands.leaveOut(true)
		return "Who puts something in leaves its label out now, unless you type one. (labels on)", nil
	case "on", "":
		l.hands.leaveOut(false)
		return "Who puts something in scans its label.", nil
	}
	return "", fmt.Errorf("write labels on or labels off")
}

func jam(_ context.Context, l *live, arg string) (string, error) {
	id, d, err := l.hw.door(arg)
	if err != nil {
		return "", err
	}
	d.Jam(-1)
	return fmt.Sprintf("The latch of %s is stuck; the bank learns it by a pulse. (free %s mends it)", id, id), nil
}

func free(ctx context.Context, l *live, arg string) (string, error) {
	id, d, err := l.hw.door(arg)
	if err != nil {
		return "", err
	}
	d.Jam(0)
	return fmt.Sprintf("Door %s is mended, and an engineer has put it in service.", id), l.client.SetService(ctx, id, true)
}

func force(_ context.Context, l *live, arg string) (string, error) {
	id, d, err := l.hw.door(arg)
	if err != nil {
		return "", err
	}
	d.Force()
	return fmt.Sprintf("Somebody breaks door %s open.", id), nil
}

func shut(_ context.Context, l *live, arg string) (string, error) {
	id, d, err := l.hw.door(arg)
	if err != nil {
		return "", err
	}
	d.Shut()
	return fmt.Sprintf("Somebody shuts door %s.", id), nil
}

func hold(_ context.Context, l *live, arg string) (string, error) {
	switch arg {
	case "on", "":
		l.hw.hold(true)
		return "People leave doors open now: ajar after 10 s, alarm after 30 s. (hold off)", nil
	case "off":
		l.hw.hold(false)
		return "People shut the doors that are open, and those to come.", nil
	}
	return "", fmt.Errorf("write hold on or hold off")
}

func unplug(_ context.Context, l *live, arg string) (string, error) {
	if arg == "scanner" {
		l.hw.scanner.Unplug()
		return "The scanner's cable is out. (plug scanner)", nil
	}
	if arg == "network" {
		return "The network is down. Codes that the bank has go on opening doors. (plug network)", l.fleet.unplug()
	}
	n, err := lockerNumber(arg)
	if err != nil {
		return "", err
	}
	l.hw.lines[n].Unplug()
	return fmt.Sprintf("The cable of locker %d's boards is out. (plug %d)", n, n), nil
}

func plug(ctx context.Context, l *live, arg string) (string, error) {
	if arg == "scanner" {
		return "The scanner is back; its port is found within two seconds.", l.hw.scanner.Plug()
	}
	if arg == "network" {
		return "The network is back; what happened meanwhile goes up within some seconds.", l.fleet.plug(ctx)
	}
	if arg != "" {
		n, err := lockerNumber(arg)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("The cable of locker %d is back; its port is found within some seconds.", n), l.hw.lines[n].Plug()
	}
	for _, line := range l.hw.lines {
		if err := line.Plug(); err != nil {
			return "", err
		}
	}
	return "All cables are back; the ports are found within some seconds.", errors.Join(l.hw.scanner.Plug(), l.fleet.plug(ctx))
}

func lockerNumber(arg string) (int, error) {
	switch arg {
	case "1", "":
		return 1, nil
	case "2":
		return 2, nil
	}
	return 0, fmt.Errorf("write 1 or 2 for a locker, scanner, or network")
}

func issueNew(ctx context.Context, l *live, arg string) (string, error) {
	w := wish{"any " + arg, collect(locker.DoorID{}, arg)}
	if arg == "" {
		w = wishes()[codePhone-1]
	} else if i := slices.IndexFunc(wishes(), func(w wish) bool { return string(w.code.Kind) == arg }); i >= 0 {
		w = wishes()[i]
	} else if id, err := locker.ParseDoorID(arg); err == nil {
		w = wish{"what is behind door " + id.String(), collect(id, "")}
	}
	if l.fleet.server == nil {
		return "", errors.New("cannot issue a code while the network is down: it comes from the backend. (plug network)")
	}
	k, err := l.codes.issue(ctx, w)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Type %d to scan it, or qr %d to see it.", k.number, k.number), nil
}

func showQR(_ context.Context, l *live, arg string) (string, error) {
	k, err := l.known(arg)
	if err != nil {
		return "", err
	}
	l.page = qrPage(k)
	return "", nil
}

func revoke(ctx context.Context, l *live, arg string) (string, error) {
	k, err := l.known(arg)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Code %d opens nothing any more, for ever.", k.number), l.fleet.be.Revoke(ctx, bankName, tenant, k.id)
}

func (l *live) known(arg string) (*code, error) {
	k, ok := l.codes.numbered(arg)
	if !ok {
		return nil, fmt.Errorf("write the number of a code, 1 to %d", len(l.codes.list))
	}
	return k, nil
}

func help(_ context.Context, l *live, _ string) (string, error) {
	l.page = helpPage
	return "", nil
}

func quit(_ context.Context, l *live, _ string) (string, error) {
	l.quit = true
	return "", nil
}
