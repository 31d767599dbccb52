package ui

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Action carries out a verb for a call C.
type Action[C any] func(ctx context.Context, c C) error

// Verb is one entry of a program's catalogue.
type Verb[C any] struct {
	Name  string // one word, or two
	Args  string // operands and flags, as usage shows them
	Short string
	Long  string                        // what else help says
	Least int                           // operands
	Most  int                           // operands; -1: any number
	Setup func(*flag.FlagSet) Action[C] // declares the flags
}

// Program is a catalogue of verbs with the head and foot of its usage.
type Program[C any] struct {
	Name  string // lockerctl
	Head  string // flags and the rest, after the name
	Verbs []*Verb[C]
	Foot  string
}

// Words splits the name of a verb.
func Words(name string) []string { return strings.Fields(name) }

// UsageError is a call that cannot be understood. It prints the usage of the verb it
// is about, of a group of verbs, or of the program.
type UsageError struct {
	Text string
	tell func(w io.Writer, text string)
}

// Usagef makes a UsageError about the verb under way.
func Usagef(format string, args ...any) error {
	return &UsageError{Text: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (u *UsageError) Error() string { return u.Text }

// Print prints the error and the usage.
func (u *UsageError) Print(w io.Writer) {
	if u.tell == nil {
		Emit(w, "lockerctl: %s\n", Clean(u.Text))
		return
	}
	u.tell(w, u.Text)
}

// About makes the error one about a verb, unless it is about something already.
func (p *Program[C]) About(u *UsageError, v *Verb[C]) {
	if u.tell == nil {
		u.tell = func(w io.Writer, text string) {
			Emit(w, "%s %s: %s\n", p.Name, v.Name, Clean(text))
			p.VerbUsage(w, v)
		}
	}
}

func (p *Program[C]) aboutAll(text string) error {
	return &UsageError{Text: text, tell: func(w io.Writer, text string) {
		Emit(w, "%s: %s\n", p.Name, Clean(text))
		p.Usage(w)
	}}
}

func (p *Program[C]) aboutGroup(text string, group []*Verb[C]) error {
	return &UsageError{Text: text, tell: func(w io.Writer, text string) {
		Emit(w, "%s: %s\n", p.Name, Clean(text))
		p.list(w, group)
	}}
}

// Misused makes an error that prints the program's usage.
func (p *Program[C]) Misused(err error) error { return p.aboutAll(err.Error()) }

// Find takes the longest verb that args begin with.
func (p *Program[C]) Find(args []string) (*Verb[C], []string, error) {
	if len(args) == 0 {
		return nil, nil, p.aboutAll("a verb is missing")
	}
	var best *Verb[C]
	for _, v := range p.Verbs {
		w := Words(v.Name)
		if len(args) >= len(w) && slices.Equal(args[:len(w)], w) && (best == nil || len(w) > len(Words(best.Name))) {
			best = v
		}
	}
	if best != nil {
		return best, args[len(Words(best.Name)):], nil
	}
	if group := p.group(args[0]); len(group) > 0 {
		return nil, nil, p.aboutGroup(fmt.Sprintf("%s needs one of its verbs", args[0]), group)
	}
	return nil, nil, p.aboutAll(fmt.Sprintf("there is no verb %q", args[0]))
}

// group returns the verbs whose first word is word.
func (p *Program[C]) group(word string) []*Verb[C] {
	var group []*Verb[C]
	for _, v := range p.Verbs {
		if Words(v.Name)[0] == word {
			group = append(group, v)
		}
	}
	return group
}

// Dispatch finds the verb that args name, reads its flags and the program's, which
// may stand before and behind it, checks the operands and hands them to carry
// with the verb's action. --help prints to out instead.
func (p *Program[C]) Dispatch(out io.Writer, args []string, register func(*flag.FlagSet), carry func(do Action[C], operands []string) error) error {
	top := NewFlags(p.Name)
	register(top)
	if err := top.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return p.Help(out, nil)
		}
		return p.Misused(err)
	}
	v, rest, err := p.Find(top.Args())
	if err != nil {
		return err
	}
	fs := NewFlags(v.Name)
	register(fs)
	do := v.Setup(fs)
	operands, err := Permute(fs, rest)
	if errors.Is(err, flag.ErrHelp) {
		return p.Help(out, Words(v.Name))
	}
	if err == nil {
		err = p.Count(v, len(operands))
	}
	if err == nil {
		err = carry(do, operands)
	}
	if usage, ok := errors.AsType[*UsageError](err); ok {
		p.About(usage, v)
	}
	return err
}

// Count checks the number of operands.
func (p *Program[C]) Count(v *Verb[C], n int) error {
	switch {
	case n < v.Least:
		return &UsageError{Text: "operands are missing"}
	case v.Most >= 0 && n > v.Most:
		if group := p.group(v.Name); len(group) > 1 { // stock mvoe: a verb of the group was meant
			return p.aboutGroup("there are too many operands", group)
		}
		return &UsageError{Text: "there are too many operands"}
	}
	return nil
}

// Usage prints what the program can do.
func (p *Program[C]) Usage(w io.Writer) {
	Emit(w, "usage: %s %s\n\n", p.Name, p.Head)
	p.list(w, p.Verbs)
	Emit(w, "%s", p.Foot)
}

func (p *Program[C]) list(w io.Writer, verbs []*Verb[C]) {
	t := Table{Indent: "  "}
	for _, v := range verbs {
		t.Row(Plain(strings.TrimSpace(v.Name+" "+v.Args)), Plain(v.Short))
	}
	t.Write(w, false)
}

// VerbUsage prints how a verb is used.
func (p *Program[C]) VerbUsage(w io.Writer, v *Verb[C]) {
	Emit(w, "usage: %s %s\n", p.Name, strings.TrimSpace(v.Name+" "+v.Args))
	own := Table{Indent: "  "}
	fs := NewFlags(v.Name)
	v.Setup(fs)
	fs.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "false" {
			text += " (default " + f.DefValue + ")"
		}
		own.Row(Plain(strings.TrimSpace("--"+f.Name+" "+strings.ToUpper(name))), Plain(text))
	})
	own.Write(w, false)
}

// Help prints the program's usage, or all about one verb or group.
func (p *Program[C]) Help(w io.Writer, name []string) error {
	if len(name) == 0 {
		p.Usage(w)
		return nil
	}
	v, _, err := p.Find(name)
	if err != nil {
		if group := p.group(name[0]); len(group) > 0 {
			p.list(w, group)
			return nil
		}
		return err
	}
	Emit(w, "%s %s - %s\n", p.Name, v.Name, v.Short)
	p.VerbUsage(w, v)
	if v.Long != "" {
		Emit(w, "\n%s\n", v.Long)
	}
	if more := p.group(v.Name); len(more) > 1 {
		Emit(w, "\nsee also:\n")
		p.list(w, more[1:])
	}
	return nil
}

// Chapter is one part of a program's man page.
type Chapter struct {
	Title string
	Text  string
}

// Manual returns the program's usage, then the help of each verb.
func (p *Program[C]) Manual() []Chapter {
	var usage strings.Builder
	p.Usage(&usage)
	all := []Chapter{{Title: "USAGE", Text: usage.String()}}
	for _, v := range p.Verbs {
		var text strings.Builder
		_ = p.Help(&text, Words(v.Name)) // the verb is there
		all = append(all, Chapter{Title: p.Name + " " + v.Name, Text: text.String()})
	}
	return all
}
