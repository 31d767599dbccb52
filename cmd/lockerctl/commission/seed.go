package commission

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lockerd/daemon/commission"
	"lockerd/daemon/config"
	"lockerd/daemon/seed"
)

// Values of Options.Seed.
const (
	DefaultSeed = "/boot/firmware/" + seed.Name // where an image has it
	NoSeed      = "none"
)

// fresh is the bank of which no file says anything: it has the name that it was given,
// or that of its seed, and enrols by the seed when lockerd runs.
func (r *run) fresh() (*config.Config, error) {
	path, s, err := r.seed()
	if err != nil {
		return nil, err
	}
	name := r.Bank
	switch {
	case s == nil:
	case name == "":
		name = s.Bank
		r.say("the seed says that this is bank %s", name)
	case name != s.Bank:
		return nil, fmt.Errorf("cannot commission bank %s: the seed in %s is that of bank %s: --seed none does without it, and without enrolment", name, path, s.Bank)
	}
	c, err := commission.Base(name, r.DataDir)
	if err == nil && s != nil {
		i := config.DefaultIdentity(r.DataDir)
		i.SeedFile = path
		c.Identity = &i
	}
	return c, err
}

// seed reads the board's seed; nil: there is none.
func (r *run) seed() (path string, s *seed.Seed, err error) {
	path = r.Seed
	switch path {
	case NoSeed:
		return "", nil, nil
	case "":
		path = DefaultSeed
	}
	b, err := os.ReadFile(path)
	if err == nil {
		s, err = seed.Parse(b)
	}
	if r.Seed == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, seed.ErrEmpty)) {
		return "", nil, nil // no image of ours, or one without a seed, or enrolled
	}
	if err != nil {
		return "", nil, fmt.Errorf("cannot read the seed %s: %w: --seed none does without it, and without enrolment", path, err)
	}
	return path, s, nil
}
