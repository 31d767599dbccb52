// Package release is the program lockerctl-release, `lockerctl release`: it makes and keeps the repository that
// banks fetch new versions of lockerd from (package daemon/update/release). It talks to no
// bank. Exit codes: 0 done, also where something waits for the next signer; 1 failed; 2
// called wrongly.
package release

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/update/release"
)

// Exit codes, contract 3.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

type call struct {
	out  *bufio.Writer
	args []string
	json bool
	repo release.Repo
	days int
}

type (
	action = ui.Action[*call]
	verb   = ui.Verb[*call]
)

// Run is the program: args behind `lockerctl release`, the exit code back.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	c := &call{out: bufio.NewWriter(stdout), repo: release.Repo{Now: time.Now}, days: int(release.Fresh / (24 * time.Hour))}
	err := c.dispatch(context.Background(), args)
	if ferr := c.out.Flush(); err == nil {
		err = ferr
	}
	if usage, ok := errors.AsType[*ui.UsageError](err); ok {
		usage.Print(stderr)
		return exitUsage
	}
	if err != nil {
		if c.json {
			_ = json.NewEncoder(stdout).Encode(map[string]string{"error": err.Error()}) // there is nobody left to tell
		}
		ui.Emit(stderr, "lockerctl release: %s\n", ui.Clean(err.Error()))
		return exitFailed
	}
	return exitDone
}

// done is the document of a verb that changes the repository.
type done struct {
	State string `json:"state"` // published; staged: it waits for the next signer
	Text  string `json:"text"`
}

// print tells what was done.
func (c *call) print(d done) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(d)
	}
	ui.Emit(c.out, "%s\n", d.Text)
	return nil
}

// published tells what came of a change: err, or that it waits, or the text.
func (c *call) published(err error, format string, args ...any) error {
	if few, ok := errors.AsType[*release.TooFewError](err); ok {
		return c.print(done{"staged", few.Error()})
	}
	if err != nil {
		return err
	}
	return c.print(done{"published", fmt.Sprintf(format, args...)})
}

func (c *call) register(fs *flag.FlagSet) {
	fs.StringVar(&c.repo.Dir, "repo", c.or(c.repo.Dir, "updates"), "the repository, a `directory`")
	fs.StringVar(&c.repo.Keys, "keys", c.or(c.repo.Keys, "update-keys"), "private keys, a `directory` outside of it")
	fs.IntVar(&c.days, "fresh", c.days, "`days` that banks take it without a refresh")
	fs.BoolVar(&c.json, "json", c.json, "print JSON")
}

func (*call) or(v, def string) string {
	if v != "" {
		return v
	}
	return def
}

func (c *call) dispatch(ctx context.Context, args []string) error {
	return program().Dispatch(c.out, args, c.register, func(do action, rest []string) error {
		if c.days < 1 || c.days > 366 {
			return ui.Usagef("--fresh is 1 to 366 days: so long can a bank be kept on an old version by who stands between")
		}
		c.args, c.repo.Fresh = rest, time.Duration(c.days)*24*time.Hour
		return do(ctx, c)
	})
}

// Manual is the help as chapters of a man page.
func Manual() []ui.Chapter { return program().Manual() }

func program() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name: "lockerctl release",
		Head: "[--repo DIR] [--keys DIR] VERB ...",
		Verbs: []*verb{
			{Name: "init", Args: "[--root 2/3] [--signers 1/1]", Short: "make keys and an empty repository", Setup: initVerb, Long: initHelp},
			{Name: "add", Args: "VERSION FILE... [--channel C]", Short: "release files lockerd-linux-ARCH", Least: 2, Most: -1, Setup: addVerb},
			{Name: "sign", Short: "add the signatures of the keys at hand to what is staged", Setup: simple((*release.Repo).Sign)},
			{Name: "refresh", Short: "renew what says that nothing is newer; run it by a timer", Setup: simple((*release.Repo).Refresh)},
			{Name: "rotate", Args: "ROLE", Short: "replace the keys of root, targets, snapshot or timestamp", Least: 1, Most: 1, Setup: rotateVerb},
			{Name: "status", Short: "versions, expiry, signatures, what is staged", Setup: statusVerb},
			{Name: "help", Args: "[VERB]", Short: "how a verb is used", Most: 1, Setup: helpVerb},
		},
		Foot: `
  --repo DIR    the repository (updates): serve it by any web server, or copy it onto a stick
  --keys DIR    the private keys at hand (update-keys); never into the repository
  --fresh DAYS  how long banks take it without a refresh (30)
  --json        print JSON; "state" tells published from staged
A bank needs REPO/metadata/1.root.json as its [update] root_file.
exit code: 0 done or staged for the next signer, 1 failed, 2 called wrongly
`,
	}
}

const initHelp = `--root 2/3: three root keys are made, two must sign a change of who may sign. Take them out
of KEYS, onto sticks in two places; they are needed for rotate only, and every five years.
--signers 2/2: two must sign each release; add stages it, and the second one runs sign.
The keys snapshot-1 and timestamp-1 stay where refresh runs.`

// share is a flag like 2/3.
type share release.Threshold

// String implements flag.Value.
func (s *share) String() string { return fmt.Sprintf("%d/%d", s.Need, s.Keys) }

// Set implements flag.Value.
func (s *share) Set(text string) error {
	if n, err := fmt.Sscanf(text, "%d/%d", &s.Need, &s.Keys); err != nil || n != 2 || s.Need < 1 || s.Keys < s.Need || s.Keys > 20 {
		return errors.New("write it as 2/3: two of three")
	}
	return nil
}

func initVerb(fs *flag.FlagSet) action {
	root, signers := share{Keys: 3, Need: 2}, share{Keys: 1, Need: 1}
	fs.Var(&root, "root", "root keys: how `many` of how many must sign")
	fs.Var(&signers, "signers", "keys of releases: how `many` of how many must sign")
	return func(_ context.Context, c *call) error {
		err := c.repo.Init(release.Threshold(root), release.Threshold(signers))
		return c.published(err, "made %s; its keys lie in %s: take root-*.key out and lock them away\nbanks need %s/metadata/1.root.json as [update] root_file", c.repo.Dir, c.repo.Keys, c.repo.Dir)
	}
}

func addVerb(fs *flag.FlagSet) action {
	channel := fs.String("channel", "stable", "`channel` to release into")
	return func(_ context.Context, c *call) error {
		return c.published(c.repo.Add(*channel, c.args[0], c.args[1:]), "released %s into %s", c.args[0], *channel)
	}
}

func rotateVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error {
		if !slices.Contains([]string{"root", "targets", "snapshot", "timestamp"}, c.args[0]) {
			return ui.Usagef("ROLE is root, targets, snapshot or timestamp")
		}
		return c.published(c.repo.Rotate(c.args[0]), "the keys of %s are new; remove the old ones from %s", c.args[0], c.repo.Keys)
	}
}

// simple is a verb without arguments.
func simple(do func(*release.Repo) error) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action {
		return func(_ context.Context, c *call) error {
			return c.published(do(&c.repo), "published")
		}
	}
}

func statusVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error {
		s, err := c.repo.Status()
		if err != nil {
			return err
		}
		if c.json {
			return json.NewEncoder(c.out).Encode(s)
		}
		p := &ui.Page{W: c.out}
		t := &ui.Table{Head: []string{"ROLE", "VERSION", "EXPIRES", "MUST SIGN", "KEYS HERE"}}
		for _, r := range s.Roles {
			t.Row(ui.Plain(r.Role), ui.Plain(strconv.FormatInt(r.Version, 10)), ui.Plain(r.Expires.Format(time.DateOnly)),
				ui.Plain(fmt.Sprintf("%d of %d", r.Need, r.Keys)), ui.Plain(strconv.Itoa(r.AtHand)))
		}
		p.Table(t)
		files := &ui.Table{Head: []string{"FILE", "VERSION", "BYTES"}}
		for _, f := range s.Files {
			files.Row(ui.Plain(f.Name), ui.Plain(f.Version), ui.Plain(strconv.FormatInt(f.Size, 10)))
		}
		p.Section(files)
		for _, role := range s.Staged {
			p.Line("%s is staged and waits for signatures: lockerctl release sign", role)
		}
		return nil
	}
}

func helpVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error { return program().Help(c.out, c.args) }
}
