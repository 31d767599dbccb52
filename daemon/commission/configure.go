package commission

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Configure returns base with the hardware as it was learnt, and its text. What
// people decide about doors is kept from base: size, tenant, use, access; so are
// buses that were not looked at, with all that hangs on them. The error is that
// of daemon/config where its checks refuse the result.
func Configure(base *config.Config, s *State, l Learnt, size locker.Size) (*config.Config, []byte, error) {
	c := *base
	c.Buses, c.Lockers, c.Doors = nil, nil, nil
	for i := range s.Buses {
		if b := &s.Buses[i]; b.carries(s) {
			c.Buses = append(c.Buses, configBus(base, b, l.bus(b.Name)))
		}
	}
	c.Lockers = configLockers(base, s, size)
	for i := range l.Doors {
		c.Doors = append(c.Doors, configDoor(base, &c, &l.Doors[i]))
	}
	keepOthers(&c, base, s)
	text := append([]byte("# written by lockerctl commission\n"), c.TOML()...)
	checked, err := config.Parse(text, "the file that would be written")
	if err != nil {
		return nil, nil, err
	}
	return checked, text, nil
}

func (b *Bus) carries(s *State) bool {
	return slices.ContainsFunc(s.Plan, func(sp Span) bool { return sp.Bus == b.Name && sp.Doors > 0 })
}

// keepOthers takes over the buses that nobody looked at.
func keepOthers(c, base *config.Config, s *State) {
	other := func(bus string) bool { return s.Bus(bus) == nil }
	for _, b := range base.Buses {
		if other(b.Name) {
			c.Buses = append(c.Buses, b)
		}
	}
	for _, k := range base.Lockers {
		if other(k.Bus) {
			c.Lockers = append(c.Lockers, k)
		}
	}
	for _, d := range base.Doors {
		if other(d.Bus) {
			c.Doors = append(c.Doors, d)
		}
	}
}

func configBus(base *config.Config, b *Bus, l BusLearnt) config.Bus {
	out := config.NewBus(b.Name, b.Found.Family, b.Port)
	for _, old := range base.Buses {
		if old.Name == b.Name && old.Driver == b.Found.Family {
			out.ReplyTimeout, out.Poll, out.Coils = old.ReplyTimeout, old.Poll, old.Coils
		}
	}
	out.Baud, out.RS485 = b.Found.Baud, b.RS485
	out.Profile = b.profile(l)
	return out
}

// profile writes down what was proven, be it the default or not.
func (b *Bus) profile(l BusLearnt) map[string]string {
	out := map[string]string{}
	if b.Voice < len(b.Voices) {
		maps.Copy(out, b.Voices[b.Voice])
	}
	if l.Proven > 0 && l.View < len(b.Views) {
		maps.Copy(out, b.Views[l.View])
	}
	if l.Proven > 0 && len(b.Polarity) > 1 {
		out[probe.PolarityKey] = b.Polarity[0]
		if l.Inverted {
			out[probe.PolarityKey] = b.Polarity[1]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func configLockers(base *config.Config, s *State, size locker.Size) []config.Locker {
	all := map[int]*config.Locker{}
	for _, sp := range s.Plan {
		if sp.Doors == 0 {
			continue
		}
		n := int(sp.First.Locker)
		k := all[n]
		if k == nil {
			k = &config.Locker{Number: n, Bus: sp.Bus, Size: size}
			for _, old := range base.Lockers {
				if old.Number == n {
					k.Size = old.Size
				}
			}
			all[n] = k
		}
		k.Doors = max(k.Doors, int(sp.First.Door)+sp.Doors-1)
		k.Boards = append(k.Boards, config.Board{Address: sp.Address, Channels: sp.Channels, FirstDoor: int(sp.First.Door)})
	}
	var out []config.Locker
	for _, n := range slices.Sorted(maps.Keys(all)) {
		slices.SortFunc(all[n].Boards, func(a, b config.Board) int { return cmp.Compare(a.FirstDoor, b.FirstDoor) })
		out = append(out, *all[n])
	}
	return out
}

func configDoor(base, c *config.Config, d *DoorLearnt) config.Door {
	out := config.Door{ID: d.Door, Use: config.UseAny}
	for _, k := range c.Lockers {
		if k.Number == int(d.Door.Locker) {
			out.Size = k.Size
		}
	}
	for _, old := range base.Doors {
		if old.ID == d.Door {
			out = old
		}
	}
	out.Sensor, out.Wire = d.Sensor(), config.Wire{}
	if d.Lock != d.Plan.Channel {
		out.Wire.Lock = d.Lock
	}
	if d.Sensor() {
		out.Wire.Inverted = d.Inverted
		if d.Feedback != d.Plan.Channel {
			out.Wire.Feedback = d.Feedback
		}
	}
	return out
}

// Base is the configuration of a bank of which nothing but its name is known.
func Base(bank, dataDir string) (*config.Config, error) {
	if !locker.ValidBank(bank) {
		return nil, fmt.Errorf("cannot name the bank %q: use 1 to 32 of a-z, 0-9 and -, the first no dash, with --bank", bank)
	}
	c := config.Default()
	c.Bank, c.DataDir = bank, dataDir
	c.Control.Socket = config.DefaultSocket(dataDir)
	return &c, nil
}
