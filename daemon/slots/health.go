package slots

import (
	"fmt"
	"slices"
	"time"
)

// Health is what of a bank works. An update must leave everything working that
// worked before it; what was broken before is not its fault.
type Health struct {
	Ready      bool     `json:"ready"`
	Doors      int      `json:"doors"`
	Boards     []string `json:"boards"`   // that answer, "bus a board 1"
	Scanners   []string `json:"scanners"` // that are there
	Uplink     bool     `json:"uplink"`   // connected to the broker
	Journal    string   `json:"journal"`
	Next       uint64   `json:"next"`        // seq of the next event
	Sets       []string `json:"sets"`        // of codes
	StoreReads int      `json:"store_reads"` // newest format of the store that this program reads
}

// Missing says what worked in h and does not in now, each with where to look.
func (h *Health) Missing(now *Health) []string {
	var out []string
	if !now.Ready {
		return []string{"the bank is not ready"}
	}
	if h == nil {
		return nil // nothing is known of before
	}
	if now.Doors < h.Doors {
		out = append(out, fmt.Sprintf("%d doors of %d are left", now.Doors, h.Doors))
	}
	if h.Journal != "" && now.Journal != h.Journal {
		out = append(out, "the store began a new journal")
	} else if now.Next < h.Next {
		out = append(out, fmt.Sprintf("the journal ends at %d, it ended at %d", now.Next, h.Next))
	}
	out = append(out, gone("codes of ", h.Sets, now.Sets)...)
	out = append(out, gone("", h.Boards, now.Boards)...)
	out = append(out, gone("scanner ", h.Scanners, now.Scanners)...)
	if h.Uplink && !now.Uplink {
		out = append(out, "no connection to the broker")
	}
	return out
}

func gone(what string, before, now []string) []string {
	var out []string
	for _, n := range before {
		if !slices.Contains(now, n) {
			out = append(out, "lost: "+what+n)
		}
	}
	return out
}

// Verdict is what a Judge makes of a look.
type Verdict int

// Verdicts.
const (
	Wait Verdict = iota
	Good
	Bad
)

// Judge decides on a program on trial: good when all that worked before has
// worked for Hold without a break, bad when Deadline comes and it does not work.
// Times count from its start.
type Judge struct {
	Before   *Health
	Hold     time.Duration
	Deadline time.Duration

	held bool
	from time.Duration // since when it has held
}

// Look takes how the bank is at a time, and says why where it is not well.
func (j *Judge) Look(at time.Duration, now *Health) (Verdict, []string) {
	missing := j.Before.Missing(now)
	switch {
	case len(missing) > 0 && at >= j.Deadline:
		return Bad, missing
	case len(missing) > 0:
		j.held = false
		return Wait, missing
	case !j.held:
		j.held, j.from = true, at
	}
	if at-j.from >= j.Hold {
		return Good, nil
	}
	return Wait, nil
}
