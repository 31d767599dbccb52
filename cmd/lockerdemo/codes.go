package main

import (
	"bytes"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/cli"
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

// grouped returns the text in fours, for reading.
func (c *code) grouped() string {
	var b strings.Builder
	for i, r := range c.text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// purse holds the codes issued so far.
type purse struct {
	tool tool
	list []*code
}

// issue has lockerctl issue a code and keeps it.
func (p *purse) issue(w wish) (*code, error) {
	out, err := p.tool.run(append([]string{"code", "new", "--kind", "collect", "--ttl", "48h", "--qr", "light"}, w.args...)...)
	if err != nil {
		return nil, err
	}
	c, err := readIssued(out)
	if err != nil {
		return nil, err
	}
	c.number, c.words = len(p.list)+1, w.words
	p.list = append(p.list, c)
	return c, nil
}

// readIssued takes id, text and QR from what `lockerctl code new` prints.
func readIssued(out string) (*code, error) {
	c := &code{}
	page, drawn, _ := strings.Cut(out, "\n\n")
	for line := range strings.Lines(page) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "code":
			c.id = strings.TrimSpace(value)
		case "text":
			c.text = strings.ReplaceAll(value, " ", "")
		}
	}
	lines := strings.Split(strings.TrimRight(drawn, "\n"), "\n")
	c.qr = lines[:len(lines)-1] // the last one is a sentence
	if c.id == "" || c.text == "" || len(c.qr) == 0 {
		return nil, fmt.Errorf("cannot read what lockerctl code new has printed")
	}
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
