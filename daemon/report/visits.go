package report

import "lockerd/daemon/locker"

type visits struct {
	Visits
	decision, pulse, open, shut histogram
}

// visit takes what the end of a visit tells of it.
func (f *Fold) visit(e *locker.Event) {
	v := f.kinds[e.Kind]
	if v == nil {
		v = &visits{Visits: Visits{Kind: e.Kind}}
		f.kinds[e.Kind] = v
	}
	s := e.MS.Stages()
	if s == nil {
		s = &locker.Stages{}
	}
	v.Visits.Visits++
	switch e.Outcome {
	case "done":
		v.Done++
		if s.Close != nil && *s.Close <= PromiseLimit {
			v.Within++
		}
	case "refused":
		v.Refused++
	case "abandoned":
		v.Abandoned++
	}
	take(&v.decision, s.Decision)
	take(&v.pulse, s.Pulse)
	take(&v.open, s.Open)
	take(&v.shut, s.Close)
}

func take(h *histogram, ms *int64) {
	if ms != nil {
		h.add(*ms)
	}
}

// kinds are all kinds in the order of a report.
func kinds() []locker.Kind {
	return []locker.Kind{locker.Collect, locker.Return, locker.Swap, locker.Deliver, locker.Clear, locker.Service}
}

// Promised tells whether the 60-second promise is made for visits of this kind.
func (v *Visits) Promised() bool {
	return v.Kind == locker.Collect || v.Kind == locker.Return || v.Kind == locker.Swap
}

// visitLines are the kinds that had visits, and what became of the promise.
func (f *Fold) visitLines() ([]Visits, Promise) {
	lines, p := []Visits{}, Promise{LimitMS: PromiseLimit}
	for _, k := range kinds() {
		v := f.kinds[k]
		if v == nil {
			continue
		}
		l := v.Visits
		l.Decision, l.Pulse, l.Open, l.Close = v.decision.stat(), v.pulse.stat(), v.open.stat(), v.shut.stat()
		lines = append(lines, l)
		if l.Promised() {
			p.Visits += l.Visits
			p.Within += l.Within
			p.Over += l.Done - l.Within
			p.Not += l.Visits - l.Done
		}
	}
	return lines, p
}
