package journal

import (
	"context"
	"errors"
	"fmt"

	"lockerd/daemon/locker"
)

// VerifyResult is what a walk along the chain has found.
type VerifyResult struct {
	Journal string
	First   uint64 // seq of the oldest line
	Last    uint64 // seq of the newest
	Events  int    // lines, gaps among them
	Gaps    int
	OK      bool
	Text    string // what is wrong, or that nothing is
}

// Verify walks the hash chain from the oldest line kept to the newest at the
// time of the call. A break is a result, not an error.
func (j *Journal) Verify(ctx context.Context) (VerifyResult, error) {
	w := &walk{res: VerifyResult{Journal: j.id}}
	j.files.RLock()
	defer j.files.RUnlock()
	views := j.views(func(*segment) bool { return true })
	copy(w.prev[:], views[0].head.Prev)
	w.next = views[0].head.Seq
	for _, v := range views {
		err := v.each(0, func(r *Record) bool {
			w.err = errors.Join(ctx.Err(), w.lines(r.Lines))
			return w.err == nil
		})
		switch {
		case ctx.Err() != nil:
			return w.res, ctx.Err()
		case errors.Is(err, ErrDamaged):
			w.err = err
		case err != nil:
			return w.res, err
		}
		if w.err != nil {
			w.res.Text = w.err.Error()
			return w.res, nil
		}
	}
	w.res.OK = true
	w.res.Text = fmt.Sprintf("%d events from %d to %d follow from each other, %d gaps", w.res.Events, w.res.First, w.res.Last, w.res.Gaps)
	return w.res, nil
}

// walk is where a verification is.
type walk struct {
	res  VerifyResult
	prev Hash
	next uint64 // seq that belongs here
	err  error
}

func (w *walk) lines(lines []Line) error {
	for _, l := range lines {
		begin := l.Seq
		if lineType(l.JSON) == locker.EvJournalGap {
			from, _, err := gapRun(l.JSON)
			if err != nil {
				return err
			}
			begin = from
			w.res.Gaps++
		}
		if begin != w.next {
			return fmt.Errorf("cannot find event %d: event %d stands in its place", w.next, begin)
		}
		h, err := checkLine(w.prev, l.JSON)
		if err != nil {
			return err
		}
		if w.res.First == 0 {
			w.res.First = l.Seq
		}
		w.prev, w.next = h, l.Seq+1
		w.res.Last = l.Seq
		w.res.Events++
	}
	return nil
}
