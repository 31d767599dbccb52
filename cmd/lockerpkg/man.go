package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	ctl "lockerd/cmd/lockerctl/cli"
	"lockerd/cmd/lockerctl/flash"
	"lockerd/cmd/lockerctl/fleet"
	repo "lockerd/cmd/lockerctl/release"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/cmd/lockerd/cli"
)

// page is one man page: the program's own help, so that it can't say another
// thing.
type page struct {
	name     string
	section  int
	short    string
	synopsis string
	chapters []ui.Chapter
	see      string
}

func pages() []page {
	return []page{
		{"lockerd", 8, "runs a bank of smart lockers", "lockerd run --config FILE", manDaemon(), "lockerctl(1)"},
		{"lockerctl", 1, "the engineer's tool at a bank of smart lockers", "lockerctl [--socket S] [--json] VERB ...", ctl.Manual(), "lockerctl-flash(1), lockerctl-fleet(1), lockerctl-enrol(1), lockerctl-release(1), lockerd(8)"},
		{"lockerctl-flash", 1, "writes the card of a new board", "lockerctl flash IMAGE CARD --seed FILE", flash.Manual(), "lockerctl(1)"},
		{"lockerctl-fleet", 1, "the operator's tool for many banks", "lockerctl fleet [--broker URL] VERB ...", fleet.Manual(), "lockerctl(1), lockerctl-enrol(1)"},
		{"lockerctl-enrol", 1, "a bank's key and certificate", "lockerctl enrol VERB ...", fleet.EnrolManual(), "lockerctl(1), lockerctl-fleet(1)"},
		{"lockerctl-release", 1, "the repository that banks fetch new versions from", "lockerctl release [--repo DIR] [--keys DIR] VERB ...", repo.Manual(), "lockerctl(1)"},
	}
}

func manDaemon() []ui.Chapter {
	var out bytes.Buffer
	cli.Run([]string{"help"}, &out, &out)
	return []ui.Chapter{
		{Title: "USAGE", Text: out.String()},
		{Title: "FILES", Text: `/etc/lockerd/lockerd.toml                 the bank; examples: /usr/share/doc/lockerd/examples
/etc/lockerd/*.key, *.password            made readable for lockerd when it starts
/var/lib/lockerd                          the journal and what was made of it
/run/lockerd                              the control socket, if lockerd.toml says so`},
		{Title: "EXIT STATUS", Text: `0 stopped in order; 1 failed while running; 2 the configuration is bad: every
problem is named.`},
	}
}

// write makes the page's roff, gzipped without a time.
func (p page) write(rel release) ([]byte, error) {
	var w strings.Builder
	fmt.Fprintf(&w, ".TH %s %d %q %q\n", strings.ToUpper(p.name), p.section, rel.at.Format("2006-01-02"), "lockerd "+rel.debian())
	fmt.Fprintf(&w, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.nf\n%s\n.fi\n", roff(p.name), roff(p.short), roff(p.synopsis))
	for _, c := range p.chapters {
		fmt.Fprintf(&w, ".SH %q\n.nf\n%s\n.fi\n", c.Title, roff(strings.TrimSpace(c.Text)))
	}
	fmt.Fprintf(&w, ".SH SEE ALSO\n%s\n", roff(p.see))
	return zipped([]byte(w.String()))
}

// roff makes a text safe for man: backslashes, minus signs that can be copied,
// and no line that begins with a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace("\n" + s)
	return s[1:]
}

// zipped compresses as Debian wants it: best, without name and time.
func zipped(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// changelog is the file that Debian asks for.
func changelog(rel release) ([]byte, error) {
	return zipped(fmt.Appendf(nil, "lockerd (%s) stable; urgency=medium\n\n  * Built from %s.\n\n -- %s  %s\n",
		rel.debian(), rel.origin(), rel.maintainer, rel.at.Format("Mon, 02 Jan 2006 15:04:05 -0700")))
}

// path is where the page goes.
func (p page) path() string {
	return fmt.Sprintf("/usr/share/man/man%d/%s.%d.gz", p.section, p.name, p.section)
}
