package support

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/control"
	"lockerd/hal"
)

// Bounds of gathering.
const (
	// DataDir is where the package has data_dir, if no configuration tells.
	DataDir    = "/var/lib/lockerd"
	answerTime = 10 * time.Second // for one question
	// Time is what gathering takes at most: all is asked at one time.
	Time = 15 * time.Second
)

// Bank is what a running bank is asked.
type Bank interface {
	Status(ctx context.Context) (bank.Status, error)
	Doors(ctx context.Context) ([]bank.DoorStatus, error)
	Stock(ctx context.Context) ([]bank.StockLine, error)
	Clock(ctx context.Context) (bank.ClockStatus, error)
	SelfTest(ctx context.Context) ([]bank.SelfTestLine, error)
	UpdateStatus(ctx context.Context) (bank.UpdateStatus, error)
	Events(ctx context.Context, from uint64, most int) ([][]byte, error)
}

// Source is where a bundle comes from.
type Source struct {
	Bank    Bank   // nil: lockerd does not run
	Down    string // why
	Version string // of the program that gathers

	ConfigFile string
	Broken     error     // what is wrong with the configuration, if it was looked at
	Name       string    // of the bank; "": as the configuration has it
	DataDir    string    // "": as the configuration has it
	Written    time.Time // of the configuration that runs; one written since is told

	Lines map[string]hal.Tracer
	Sys   fs.FS // /sys; nil: not looked at
	// Logs are read by name: kernel.log, lockerd.log.
	Logs map[string]Question
	Now  func() time.Time // nil: time.Now
}

// About is about.json.
type About struct {
	Version int       `json:"v"`
	Bank    string    `json:"bank"`
	At      time.Time `json:"at"`
	Running bool      `json:"running"`
	Down    string    `json:"down,omitempty"` // why lockerd was not asked
	By      string    `json:"by"`             // program and version that gathered
	Target  string    `json:"target"`
	Config  Config    `json:"config"`
	// Missing says of each part that is not there why.
	Missing map[string]string `json:"missing,omitempty"`
}

// Config is what About says of the configuration.
type Config struct {
	File    string `json:"file"`
	Left    int    `json:"left_out"` // keys that a bundle does not show
	Changed bool   `json:"changed_since_start,omitempty"`
}

// Make gathers and packs. The bundle is not encrypted.
func (s *Source) Make(ctx context.Context) ([]byte, error) {
	about, parts := s.Gather(ctx)
	return Pack(about, parts)
}

// Pack makes a bundle of what was gathered.
func Pack(about About, parts []bundle.Part) ([]byte, error) {
	head, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write about.json: %w", err)
	}
	var b bytes.Buffer
	err = bundle.Write(&b, about.Bank, about.At, append(parts, bundle.Part{Name: aboutName, Body: append(head, '\n')}))
	return b.Bytes(), err
}

const aboutName = "about.json"

// Open takes about.json out of the parts of a bundle.
func Open(parts []bundle.Part) (about About, rest []bundle.Part, err error) {
	for _, p := range parts {
		if p.Name != aboutName {
			rest = append(rest, p)
			continue
		}
		if err := json.Unmarshal(p.Body, &about); err != nil {
			return about, nil, fmt.Errorf("cannot read %s: %w", aboutName, err)
		}
	}
	return about, rest, nil
}

// Gather asks everybody at one time and returns after Time at the latest.
func (s *Source) Gather(ctx context.Context) (About, []bundle.Part) {
	ctx, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	g := &gathering{Source: s, missing: map[string]string{}}
	conf := g.config()
	t := tell(conf)
	g.dir = cmp.Or(s.DataDir, t.DataDir, DataDir)
	g.about.Version, g.about.Bank, g.about.At = 1, cmp.Or(s.Name, t.Bank), s.now()
	g.about.Running, g.about.Down = s.Bank != nil, s.Down
	g.about.By, g.about.Target = s.Version, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH
	var waiting sync.WaitGroup
	for name, read := range g.questions(conf) {
		waiting.Go(func() { g.ask(ctx, name, read) })
	}
	waiting.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	secrets := append(bundle.Secrets(conf), g.passwords(conf)...)
	for i := range g.parts {
		g.parts[i].Body = bundle.Scrub(g.parts[i].Body, secrets)
	}
	for name, why := range g.missing {
		g.missing[name] = string(bundle.Scrub([]byte(why), secrets))
	}
	g.about.Down = string(bundle.Scrub([]byte(g.about.Down), secrets))
	g.about.Missing = g.missing
	return g.about, g.parts
}

func (s *Source) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// gathering is one bundle under way.
type gathering struct {
	*Source
	about About
	dir   string // data_dir

	mu      sync.Mutex
	parts   []bundle.Part
	missing map[string]string
}

// Question reads one part.
type Question func(ctx context.Context) ([]byte, error)

// ask adds a part. Who does not answer in time is not waited for.
func (g *gathering) ask(ctx context.Context, name string, read Question) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	type answer struct {
		body []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		b, err := read(ctx)
		got <- answer{b, err}
	}()
	var a answer
	select {
	case a = <-got:
	case <-ctx.Done():
		a.err = errors.New("no answer in time")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case a.err != nil:
		g.missing[name] = a.err.Error()
	default:
		g.parts = append(g.parts, bundle.Part{Name: name, Body: a.body})
	}
}

// questions is the catalogue of parts.
func (g *gathering) questions(conf []byte) map[string]Question {
	q := map[string]Question{"machine.txt": g.machine, "files.txt": g.files}
	for name, read := range g.Logs {
		q[name] = bounded(name, read, conf)
	}
	if g.Bank == nil {
		q["journal.jsonl"], q["health.json"] = g.stored, g.storedHealth
		return q
	}
	q["status.json"], q["doors.json"], q["stock.json"] = document(g.Bank.Status), document(g.Bank.Doors), document(g.Bank.Stock)
	q["clock.json"], q["update.json"], q["self-test.json"] = document(g.Bank.Clock), document(g.Bank.UpdateStatus), document(g.Bank.SelfTest)
	q["journal.jsonl"], q["health.json"] = g.journal, g.health
	for i, name := range slices.Sorted(maps.Keys(g.Lines)) {
		q[traceName(i, name)] = func(context.Context) ([]byte, error) {
			lines, err := control.Traced(name, g.Lines[name])
			return joined(lines), err
		}
	}
	return q
}

// traceName is the part of a bus's trace; a name that no file may have is a
// number.
func traceName(i int, bus string) string {
	if bus == strings.ToLower(bus) {
		return "trace-" + bus + ".jsonl"
	}
	return fmt.Sprintf("bus-%d-trace.jsonl", i)
}

const ownLog = "lockerd.log"

// bounded keeps the end of a log. lockerd's own quotes what is wrong with a
// configuration: of one that is no TOML nobody can tell which text is a secret.
func bounded(name string, read Question, conf []byte) Question {
	return func(ctx context.Context) ([]byte, error) {
		if _, _, err := bundle.Redact(conf); err != nil && name == ownLog {
			return nil, fmt.Errorf("it may quote the configuration: %w", err)
		}
		b, err := read(ctx)
		return tail(b), err
	}
}

func document[T any](read func(context.Context) (T, error)) Question {
	return func(ctx context.Context) ([]byte, error) {
		v, err := read(ctx)
		if err != nil {
			return nil, err
		}
		return encode(v)
	}
}

func encode(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// config adds the configuration, and returns it for its secrets.
func (g *gathering) config() []byte {
	g.about.Config.File = g.ConfigFile
	if g.ConfigFile == "" {
		g.missing["config.toml"] = "no configuration was named"
		return nil
	}
	conf, err := readBounded(g.ConfigFile)
	if err != nil {
		g.missing["config.toml"] = err.Error()
		return nil
	}
	if info, err := os.Stat(g.ConfigFile); err == nil && !g.Written.IsZero() {
		g.about.Config.Changed = !info.ModTime().Equal(g.Written)
	}
	shown, left, err := bundle.Redact(conf)
	if err != nil {
		g.missing["config.toml"] = err.Error() // and of Broken nothing: it quotes the text
		return conf
	}
	if g.Broken != nil {
		g.parts = append(g.parts, bundle.Part{Name: "check.txt", Body: []byte(g.Broken.Error() + "\n")})
	}
	g.about.Config.Left = left
	g.parts = append(g.parts, bundle.Part{Name: "config.toml", Body: shown})
	return conf
}

// passwords reads the one secret file whose content could be in a log.
func (g *gathering) passwords(conf []byte) []string {
	path := tell(conf).MQTT.PasswordFile
	if path == "" {
		return nil
	}
	b, err := readBounded(path)
	if err != nil {
		return nil // who can't read it can't tell it either
	}
	return strings.Fields(string(b))
}

// stored is the journal of a bank that does not run.
func (g *gathering) stored(context.Context) ([]byte, error) {
	lines, err := g.storedLines()
	return joined(lines), err
}

func joined(lines [][]byte) []byte {
	var b bytes.Buffer
	for _, l := range lines {
		b.Write(l)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// tail keeps whole lines at the end, as many as a part holds.
func tail(b []byte) []byte {
	if len(b) <= bundle.PartMax {
		return b
	}
	b = b[len(b)-bundle.PartMax:]
	return b[bytes.IndexByte(b, '\n')+1:]
}

func (g *gathering) files(context.Context) ([]byte, error) {
	var b bytes.Buffer
	n := 0
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if n++; n > filesMost {
			fmt.Fprintf(&b, "more than %d\n", filesMost)
			return fs.SkipAll
		}
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		rel, _ := filepath.Rel(g.dir, path) // it is below
		fmt.Fprintf(&b, "%s %12d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), rel)
		return nil
	})
	return b.Bytes(), err
}

const filesMost = 2000 // lines of files.txt
