package health

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// Cause names what is wrong.
type Cause string

// Causes, in the order in which they should be seen to: what harms everything
// else first, what only gets worse slowly last.
const (
	Undervoltage Cause = "undervoltage"
	CardWorn     Cause = "card_worn"
	Heat         Cause = "heat"
	BusSilence   Cause = "bus_timeouts"
	BusNoise     Cause = "bus_noise"
	BusForeign   Cause = "bus_foreign"
	Retries      Cause = "retries"
	SlowDoor     Cause = "slow_door"
	SlowingDoor  Cause = "slowing_door"
	QuietScanner Cause = "quiet_scanner"
)

func order() []Cause {
	return []Cause{Undervoltage, CardWorn, Heat, BusSilence, BusNoise, BusForeign, Retries, SlowDoor, SlowingDoor, QuietScanner}
}

// Level says how much it matters.
type Level string

// Levels; those of door.ajar.
const (
	Alarm Level = "alarm"
	Warn  Level = "warn"
)

// Finding is one thing that is wrong.
type Finding struct {
	Cause    Cause         `json:"cause"`
	Level    Level         `json:"level"`
	Door     locker.DoorID `json:"door,omitzero"`
	Bus      string        `json:"bus,omitempty"`
	Scanner  string        `json:"scanner,omitempty"`
	What     string        `json:"what"`
	Evidence string        `json:"evidence"`
	Cure     string        `json:"cure"`
}

// Sample is what is known now besides the history.
type Sample struct {
	Now      time.Time
	Buses    map[string]Counters // of a window, or since the start
	Scanners []string            // those that are connected
	Machine  Machine
}

// Judge tells what is wrong, the first to be seen to first.
func Judge(h *History, s Sample) []Finding {
	out := judgeMachine(&s.Machine)
	for _, name := range slices.Sorted(maps.Keys(s.Buses)) {
		out = append(out, judgeBus(name, s.Buses[name])...)
	}
	for id, list := range h.doors {
		out = append(out, judgeDoor(id, list)...)
	}
	for _, name := range s.Scanners {
		out = append(out, judgeScanner(name, h.scanners[name], s.Now)...)
	}
	rank := order()
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Level, b.Level), // alarm before warn
			cmp.Compare(slices.Index(rank, a.Cause), slices.Index(rank, b.Cause)),
			cmp.Compare(a.Door.String(), b.Door.String()),
		)
	})
	return out
}

// Thresholds of the machine.
const (
	hotC      = 80.0 // a Raspberry Pi slows down from 80 °C, and stops raising its clock
	alarmC    = 90.0 // near the end of what eMMC and SD cards of the consumer sort are made for
	lifeWarn  = 8    // 70 to 80 % used: time to plan
	lifeAlarm = 10   // 90 % and more
)

func judgeMachine(m *Machine) []Finding {
	var out []Finding
	if m.Undervoltage {
		out = append(out, Finding{
			Cause: Undervoltage, Level: Alarm, What: "the supply of the board sags", Evidence: "the firmware has seen undervoltage since the start",
			Cure: "give the board a supply of its own, apart from the locks': a brown-out during a pulse is what ruins cards",
		})
	}
	for _, c := range m.Cards {
		if c.Life < lifeWarn && c.EOL < 2 {
			continue
		}
		f := Finding{
			Cause: CardWorn, Level: Warn, What: "the storage " + c.Name + " wears out", Evidence: fmt.Sprintf("%s of its life is used", used(c.Life)),
			Cure: "plan its replacement: lockerctl journal verify, let the backend acknowledge all, then swap the board or the card",
		}
		if c.EOL >= 2 {
			f.Evidence += fmt.Sprintf(", its reserve is %d %% used", map[int]int{2: 80, 3: 90}[c.EOL])
		}
		if c.Life >= lifeAlarm || c.EOL >= 3 {
			f.Level = Alarm
		}
		out = append(out, f)
	}
	if m.HottestC >= hotC {
		f := Finding{
			Cause: Heat, Level: Warn, What: "the board is too hot", Evidence: fmt.Sprintf("%.0f °C", m.HottestC),
			Cure: "let air into the cabinet, look at the fan, keep the board away from the locks' supply",
		}
		if m.HottestC >= alarmC {
			f.Level = Alarm
		}
		out = append(out, f)
	}
	return out
}

func used(life int) string {
	if life > 10 {
		return "more than 100 %"
	}
	return fmt.Sprintf("%d to %d %%", 10*max(0, life-1), 10*life)
}

// Thresholds of a bus, a hundredth of what would be noticed at the doors: a
// sound line makes none of these errors for hours.
const (
	requestsMin  = 200 // fewer tell nothing
	timeoutsIn   = 100 // one request in so many stays unanswered
	garbageIn    = 20  // one byte of noise in so many requests
	foreignIn    = 100 // one reply in so many answers another request
	timeoutsHigh = 10  // an alarm: retries will be felt
)

func judgeBus(name string, c Counters) []Finding {
	if c.Requests < requestsMin {
		return nil
	}
	var out []Finding
	add := func(cause Cause, level Level, what string, n uint64, of, cure string) {
		out = append(out, Finding{Cause: cause, Level: level, Bus: name, What: what, Evidence: fmt.Sprintf("%d %s in %d requests", n, of, c.Requests), Cure: cure})
	}
	if c.Timeouts*timeoutsIn >= c.Requests {
		level := Warn
		if c.Timeouts*timeoutsHigh >= c.Requests {
			level = Alarm
		}
		add(BusSilence, level, "bus "+name+" leaves requests unanswered", c.Timeouts, "timeouts", "lockerctl status names boards that are lost: their power and plugs; if it is all of them: A and B, termination, reply_timeout")
	}
	if c.Garbage*garbageIn >= c.Requests {
		add(BusNoise, Warn, "bus "+name+" is noisy", c.Garbage, "bytes of noise", "look at ground, bias and 120 Ω at both ends, and keep the pair away from the locks' wires")
	}
	if c.Foreign*foreignIn >= c.Requests {
		add(BusForeign, Warn, "bus "+name+" brings replies that nobody waits for", c.Foreign, "strange replies", "two boards may share an address (stop lockerd, lockerctl commission tells), or reply_timeout is too short")
	}
	return out
}

// Thresholds of a door.
const (
	recent     = 8 // openings that speak for now
	before     = 16
	slowMS     = 1000 // a latch springs within its pulse; the locks' makers give half a second
	slowerBy   = 150  // ms: more than reading a long line can add
	slowerNum  = 3    // and by half
	slowerDen  = 2
	retriedOf  = 20 // openings that are looked at
	retriedMin = 4  // of them that took more than one pulse
)

func judgeDoor(id locker.DoorID, list []opening) []Finding {
	var out []Finding
	add := func(cause Cause, what, evidence, cure string) {
		out = append(out, Finding{Cause: cause, Level: Warn, Door: id, What: "door " + id.String() + " " + what, Evidence: evidence, Cure: cure})
	}
	if n := retried(list); n >= retriedMin {
		add(Retries, "needs more than one pulse", fmt.Sprintf("%d of the last %d openings", n, min(len(list), retriedOf)),
			"look at the latch, and what leans on it; measure the lock's voltage during a pulse; a door that is about to jam starts so")
	}
	if len(list) < recent {
		return out
	}
	now := median(list[len(list)-recent:])
	switch past := list[:len(list)-recent]; {
	case now >= slowMS:
		add(SlowDoor, "opens slowly", fmt.Sprintf("%d ms, the middle of the last %d openings", now, recent), "look at its spring and hinges, and whether it rubs")
	case len(past) >= before:
		if was := median(past); now >= was+slowerBy && now*slowerDen >= was*slowerNum {
			add(SlowingDoor, "opens slower than it used to", fmt.Sprintf("%d ms instead of %d", now, was), "look at its spring and latch at the next visit")
		}
	}
	return out
}

func retried(list []opening) (n int) {
	for _, o := range list[max(0, len(list)-retriedOf):] {
		if o.tries > 1 {
			n++
		}
	}
	return n
}

// median is robust against the one time that somebody leaned on the door.
func median(list []opening) int64 {
	ms := make([]int64, len(list))
	for i, o := range list {
		ms[i] = o.ms
	}
	slices.Sort(ms)
	return ms[len(ms)/2]
}

// Thresholds of a scanner.
const (
	scansMin   = 10             // fewer tell no habit
	quietTimes = 4              // longest pause that it had, times
	quietLeast = 24 * time.Hour // a night and a day off are no fault
)

func judgeScanner(name string, scans []time.Time, now time.Time) []Finding {
	if len(scans) < scansMin {
		return nil
	}
	var longest time.Duration
	for i := 1; i < len(scans); i++ {
		longest = max(longest, scans[i].Sub(scans[i-1]))
	}
	quiet := now.Sub(scans[len(scans)-1])
	if quiet < quietLeast || quiet < quietTimes*longest {
		return nil
	}
	return []Finding{{
		Cause: QuietScanner, Level: Warn, Scanner: name, What: "scanner " + name + " is connected and has read nothing for long",
		Evidence: fmt.Sprintf("%.0f h, its longest pause was %.0f h", quiet.Hours(), longest.Hours()),
		Cure:     "scan any code there: if nothing shows in lockerctl events, clean its window, look at its light and its settings",
	}}
}
