package sim

import (
	"fmt"
	"maps"
	"time"

	"lockerd/hal"
)

// setup is what a configuration asks of the simulator.
type setup struct {
	line   LineConfig
	person Person
}

// readProfile reads the simulator's keys, and those of the family that its
// boards must know to be wired as the driver expects them.
func readProfile(cfg hal.Config) (setup, error) {
	family := choose(cfg.Profile[KeyFamily], "xor8a")
	fam, err := findFamily(family)
	if err != nil {
		return setup{}, err
	}
	s := setup{line: LineConfig{Family: family}}
	if s.person, err = readPerson(cfg.Profile); err != nil {
		return setup{}, err
	}
	paced, err := readSwitch(cfg.Profile, KeyPacing, "off")
	if err != nil {
		return setup{}, err
	}
	if paced {
		baud := fam.baud
		if cfg.Baud > 0 {
			baud = cfg.Baud
		}
		s.line.ByteTime = 10 * time.Second / time.Duration(baud)
	}
	if cfg.Profile["lock_byte"] == "1" {
		s.line.LockByte = 1
	}
	for _, b := range cfg.Boards {
		s.line.Boards = append(s.line.Boards, asWired(b, fam, cfg.Profile))
	}
	return s, nil
}

// asWired is a board as the driver expects it that has this profile.
func asWired(b hal.BoardConfig, f family, profile map[string]string) BoardConfig {
	closed := profile["closed_bit"]
	c := BoardConfig{
		Address: b.Address, Channels: b.Channels,
		Inverted:    closed == "0" && !f.openBit || closed == "1" && f.openBit,
		LowFirst:    profile["byte_order"] == "low-first",
		UnlockReply: profile["unlock_reply"] == "state",
		ReplyA5:     profile["reply"] == "a5",
		FromZero:    profile["first_channel"] == "0",
		Decimal:     profile["first_input"] == "81",
		Reports:     true,
	}
	if profile["ways"] == "24" {
		c.Pulse = dcPulse24
	}
	return c
}

func choose(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

func readSwitch(profile map[string]string, key, otherwise string) (bool, error) {
	switch v := choose(profile[key], otherwise); v {
	case "on":
		return true, nil
	case "off":
		return false, nil
	default:
		return false, fmt.Errorf("cannot use %s = %q: write on or off", key, v)
	}
}

func readPerson(profile map[string]string) (Person, error) {
	there, err := readSwitch(profile, KeyPerson, "on")
	if err != nil {
		return Person{}, err
	}
	text := choose(profile[KeyShut], defaultShut.String())
	after, err := time.ParseDuration(text)
	if err != nil || after <= 0 {
		return Person{}, fmt.Errorf("cannot use %s = %q: write a duration above zero, for example 3s", KeyShut, text)
	}
	if !there {
		return Person{}, nil
	}
	return Person{Pull: time.Second, Shut: after}, nil
}

func (s setup) driver(cfg hal.Config, port string) hal.Config {
	cfg.Driver, cfg.Port = s.line.Family, port
	cfg.Profile = maps.Clone(cfg.Profile)
	for _, key := range []string{KeyFamily, KeyPerson, KeyShut, KeyPacing} {
		delete(cfg.Profile, key)
	}
	return cfg
}
