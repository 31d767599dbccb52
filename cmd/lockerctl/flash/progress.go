package flash

import (
	"fmt"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

const (
	barWidth  = 30
	showEvery = 100 * time.Millisecond
)

// progress shows on a terminal how it goes, and nowhere else.
type progress struct {
	*env
	step  card.Step
	begun time.Time // the step
	last  time.Time // shown
	open  bool      // a line waits for its end
	full  bool      // the step was shown to its end
}

func newProgress(e *env) *progress { return &progress{env: e} }

// tell shows how far a step is.
func (p *progress) tell(step card.Step, done, all int64) {
	if !p.shows {
		return
	}
	now := p.now()
	if step != p.step {
		p.end()
		p.step, p.begun, p.last, p.full = step, now, time.Time{}, false
	}
	if p.full || done < all && now.Sub(p.last) < showEvery {
		return
	}
	p.last, p.open = now, true
	ui.Emit(p.stderr, "\r\x1b[K%s", line(step, done, all, now.Sub(p.begun)))
	if done >= all {
		p.full = true
		p.end()
	}
}

// end goes to the next line.
func (p *progress) end() {
	if p.open {
		ui.Emit(p.stderr, "\n")
		p.open = false
	}
}

// line is what is shown of a step.
func line(step card.Step, done, all int64, took time.Duration) string {
	full := int(barWidth * done / max(all, 1))
	s := fmt.Sprintf("%-9s [%s%s] %3d %%", step, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*done/max(all, 1))
	if took < time.Second || done == 0 {
		return s
	}
	rate := float64(done) / took.Seconds()
	s += fmt.Sprintf("  %s/s", fault.Bytes(int64(rate)))
	if done < all {
		return s + "  " + ui.Span(time.Duration(float64(all-done)/rate*float64(time.Second))) + " left"
	}
	return s + "  in " + ui.Span(took)
}
