package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

// usageError is a call that cannot be understood. It prints the usage of the
// verb it is about, of a group of verbs, or of the program.
type usageError struct {
	text  string
	verb  *verb
	group []*verb
}

// Error implements error.
func (u *usageError) Error() string { return u.text }

func (u *usageError) print(w io.Writer) {
	switch {
	case u.group != nil:
		emit(w, "lockerctl: %s\n", clean(u.text))
		listVerbs(w, u.group)
	case u.verb != nil:
		emit(w, "lockerctl %s: %s\n", u.verb.name, clean(u.text))
		u.verb.usage(w)
	default:
		emit(w, "lockerctl: %s\n", clean(u.text))
		usage(w)
	}
}

func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// usage prints what the program can do.
func usage(w io.Writer) {
	emit(w, "usage: lockerctl [--socket S] [--json] [--by NAME] VERB ...\n\n")
	listVerbs(w, catalogue())
	emit(w, `
  --socket S   control socket; else $LOCKERD_SOCKET, else /run/lockerd/control.sock,
               else /var/lib/lockerd/control.sock
  --json       print JSON: one document, events one line each
  --by NAME    your name, for the journal; it stands behind your user's
exit code: 0 done, 1 failed or refused, 2 called wrongly
lockerctl help VERB says more
`)
}

func listVerbs(w io.Writer, list []*verb) {
	t := table{indent: "  "}
	for _, v := range list {
		t.row(plain(strings.TrimSpace(v.name+" "+v.args)), plain(v.short))
	}
	t.write(w, false)
}

// usage prints how the verb is used.
func (v *verb) usage(w io.Writer) {
	emit(w, "usage: lockerctl %s\n", strings.TrimSpace(v.name+" "+v.args))
	own := table{indent: "  "}
	own.flags(v)
	own.write(w, false)
}

// flags adds the verb's own flags to a table.
func (t *table) flags(v *verb) {
	fs := newFlags(v.name)
	v.setup(fs)
	fs.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
			text += " (default " + f.DefValue + ")"
		}
		t.row(plain(strings.TrimSpace("--"+f.Name+" "+strings.ToUpper(name))), plain(text))
	})
}

// help prints the program's usage, or all about one verb or group.
func (c *call) help(name []string) error {
	if len(name) == 0 {
		usage(c.out)
		return nil
	}
	v, _, err := findVerb(name)
	if err != nil {
		if group := groupOf(name[0]); len(group) > 0 {
			listVerbs(c.out, group)
			return nil
		}
		return err
	}
	emit(c.out, "lockerctl %s - %s\n", v.name, v.short)
	v.usage(c.out)
	if v.long != "" {
		emit(c.out, "\n%s\n", v.long)
	}
	if more := groupOf(v.name); len(more) > 1 {
		emit(c.out, "\nsee also:\n")
		listVerbs(c.out, more[1:])
	}
	return nil
}

func helpVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error { return c.help(c.args) }
}
