// Command lockerpkg makes the packages of lockerd: deb, rpm and apk for every
// board, each with its man pages, bill of materials and licences. `make packages`
// runs it from the root of the repository; README.md beside it says what is in
// a package and why.
//
// The same commit, version, SOURCE_DATE_EPOCH and Go give the same bytes. A
// licence that is missing or unknown, or a program that is too large, is an error.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lockerpkg:", err)
		os.Exit(1)
	}
}

// order is what a call of lockerpkg asks for.
type order struct {
	out        string
	describe   string // as git describe says it
	maintainer string
	targets    []target
	formats    []format
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	at, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	rel, err := parseRelease(o.describe, at)
	if err != nil {
		return err
	}
	rel.maintainer = o.maintainer
	for _, t := range o.targets {
		if err := o.make(ctx, rel, t, stdout); err != nil {
			return fmt.Errorf("cannot make the packages for %s: %w", t.name, err)
		}
	}
	return nil
}

// make builds the programs for one target and packs them in every format.
func (o order) make(ctx context.Context, rel release, t target, stdout io.Writer) error {
	stage, err := os.MkdirTemp("", "lockerpkg-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage) //nolint:errcheck // nothing depends on it
	b, err := build(ctx, t, o.describe, stage)
	if err != nil {
		return err
	}
	for _, f := range o.formats {
		path, err := pack(b, rel, f, stage, o.out)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := fmt.Fprintln(stdout, path); err != nil {
			return err
		}
	}
	return nil
}

func parse(args []string) (order, error) {
	var o order
	var targetNames, formatNames string
	fs := flag.NewFlagSet("lockerpkg", flag.ContinueOnError)
	fs.StringVar(&o.out, "out", ".bin/packages", "`directory` for the packages")
	fs.StringVar(&o.describe, "version", "dev", "`version` as git describe says it")
	fs.StringVar(&o.maintainer, "maintainer", "lockerd maintainers <maintainers@lockerd.invalid>", "who answers for the packages")
	fs.StringVar(&targetNames, "targets", "", "comma-separated, of "+namesOf(targets())+" (default all)")
	fs.StringVar(&formatNames, "formats", "", "comma-separated, of "+namesOf(formats())+" (default all)")
	err := fs.Parse(args)
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("cannot understand %q: give flags only", fs.Arg(0))
	}
	if err == nil {
		o.targets, err = choose(targets(), targetNames)
	}
	if err == nil {
		o.formats, err = choose(formats(), formatNames)
	}
	return o, err
}

// named is an entry of a catalogue that flags choose from.
type named interface{ String() string }

func namesOf[N named](all []N) string {
	var names []string
	for _, n := range all {
		names = append(names, n.String())
	}
	return strings.Join(names, ", ")
}

// choose returns the entries that list names, all of them if it is empty.
func choose[N named](all []N, list string) ([]N, error) {
	if list == "" {
		return all, nil
	}
	var chosen []N
next:
	for name := range strings.SplitSeq(list, ",") {
		for _, n := range all {
			if n.String() == name {
				chosen = append(chosen, n)
				continue next
			}
		}
		return nil, fmt.Errorf("cannot make %q: there are %s", name, namesOf(all))
	}
	return chosen, nil
}
