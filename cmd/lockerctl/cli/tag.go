package cli

import (
	"context"
	"flag"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

const tagHelp = `CODE may be written with the blanks it is printed with. A CODE of - is read
from stdin, so that it stays out of the shell's history. With --bank the tag is
computed here, without lockerd.`

// Bounds of a scanned text, contract 4.
const (
	minText      = 4
	maxText      = 1024
	codeDigits   = 26
	ticketDigits = 100
)

// tagDone is the document of tag.
type tagDone struct {
	Bank string     `json:"bank"`
	Tag  locker.Tag `json:"tag"`
}

func tagVerb(fs *flag.FlagSet) action {
	name := fs.String("bank", "", "`name` of the bank; default: the one at the socket")
	return func(ctx context.Context, c *call) error {
		text, err := c.codeText(ctx)
		if err != nil {
			return err
		}
		if err := checkText(text); err != nil {
			return err
		}
		if *name == "" {
			s, err := c.client().Status(ctx)
			if err != nil {
				return err
			}
			*name = s.Bank
		}
		if !locker.ValidBank(*name) {
			return ui.Usagef("cannot read bank %q: a bank is 1-32 of a-z 0-9 -, beginning with a letter or digit", *name)
		}
		done := tagDone{Bank: *name, Tag: locker.TagOf(*name, text)}
		return c.print(done, func(p *ui.Page) { p.Line("%s", done.Tag) })
	}
}

// codeText joins the operands, or reads one line from stdin for "-".
func (c *call) codeText(ctx context.Context) (string, error) {
	text := strings.Join(c.args, " ")
	if text == "-" {
		line, err := ui.NewInput(c.stdin).Line(ctx)
		switch {
		case ctx.Err() != nil:
			return "", &bank.Error{Code: control.CodeFailed, Text: "interrupted: no code was read", Cure: "lockerctl tag -, and type it"}
		case err != nil:
			return "", ui.Usagef("cannot read a code from stdin: it has no line, or one far too long")
		}
		text = line
	}
	text = strings.TrimSpace(text)
	if bare := strings.ReplaceAll(text, " ", ""); digits(bare) {
		return bare, nil
	}
	return text, nil
}

// checkText refuses what no code can be. The text itself is never repeated.
func checkText(text string) error {
	switch {
	case len(text) < minText || len(text) > maxText:
		return ui.Usagef("cannot take a code of %d characters: it has %d to %d", len(text), minText, maxText)
	case strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e }):
		return ui.Usagef("cannot take this code: it has characters that are not printable ASCII")
	case digits(text) && len(text) >= ticketDigits:
		return ui.Usagef("cannot give a tag of a ticket: it carries its own record and is in no cache")
	case digits(text) && len(text) == codeDigits && mod97(text) != 1:
		return ui.Usagef("cannot take this code: a digit is wrong, its check pair says (misread)")
	}
	return nil
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// mod97 is the number modulo 97; ISO 7064 MOD 97-10 wants 1.
func mod97(s string) int {
	m := 0
	for _, r := range s {
		m = (m*10 + int(r-'0')) % 97
	}
	return m
}
