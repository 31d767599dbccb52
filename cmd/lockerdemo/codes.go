package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/cli"
	"lockerd/cmd/lockerctl/ui"
)

// tool is lockerctl at the demo's socket, in this process.
type tool struct{ socket string }

// run runs one command line and returns what it prints.
func (t tool) run(args ...string) (string, error) {
	var out, errs bytes.Buffer
	code := cli.Run(append([]string{"--socket", t.socket, "--by", "demo"}, args...), strings.NewReader(""), &out, &errs)
	if code != 0 {
		return out.String(), fmt.Errorf("cannot do lockerctl %s: %s", strings.Join(args, " "), strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// code is one issued code. Its text is shown to the person who plays, and is
// nowhere else.
type code struct {
	number int // what the person types for it
	id     string
	text   string
	words  string   // what it gives
	qr     []string // dark modules as blocks, two a character
}

// purse holds the codes issued so far.
type purse struct {
	tool  tool
	fleet *fleet
	list  []*code
}

// issue has the backend issue a code and keeps it once the bank has it.
func (p *purse) issue(ctx context.Context, w wish) (*code, error) {
	w.code.Ref = fmt.Sprintf("DEMO-%d", len(p.list)+1)
	issued, err := p.fleet.issue(ctx, w.code)
	if err != nil {
		return nil, err
	}
	drawn, err := ui.DrawQR(issued.Text, "light")
	if err != nil {
		return nil, err
	}
	c := &code{
		number: len(p.list) + 1, id: issued.Code.ID, text: issued.Text, words: w.words,
		qr: strings.Split(strings.TrimRight(drawn, "\n"), "\n"),
	}
	p.list = append(p.list, c)
	return c, nil
}

// numbered returns the code that a person has typed the number of.
func (p *purse) numbered(text string) (*code, bool) {
	for _, c := range p.list {
		if fmt.Sprint(c.number) == text {
			return c, true
		}
	}
	return nil, false
}

// name is what a code's id is called on the screen.
func (p *purse) name(id string) string {
	for _, c := range p.list {
		if c.id == id {
			return fmt.Sprintf("code %d", c.number)
		}
	}
	return "code " + id
}

// onDark returns the QR for light text on a dark background, as most terminals
// and logs have it: its modules inverted.
func (c *code) onDark() []string {
	invert := strings.NewReplacer("█", " ", " ", "█", "▀", "▄", "▄", "▀")
	lines := make([]string, len(c.qr))
	for i, l := range c.qr {
		lines[i] = invert.Replace(l)
	}
	return lines
}
