package bank

import (
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// loaded is a staged set of the records that the store of the test has already.
type loaded struct{ st *memStore }

func (l loaded) Finish(info locker.SetInfo, c *locker.Commit) (uint64, error) {
	return l.st.CommitSets(c, map[string]locker.SetInfo{"acme": info})
}

// TestUsedWhileSwitching: a code that is used, or revoked, while the marks of a
// snapshot are looked up claims its door no more.
func TestUsedWhileSwitching(t *testing.T) {
	for _, how := range []string{"used", "revoked"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2, nil)
				door := locker.DoorID{Locker: 1, Door: 1}
				c := locker.Code{ID: "c-1", Tag: locker.TagOf(r.b.cfg.Bank, "a text of acme's"), Kind: locker.Collect, Door: door}
				key := locker.CodeKey{Set: "acme", ID: c.ID}
				r.st.codes[key], r.st.sets["acme"] = c, locker.SetInfo{Epoch: 1, Version: 1}
				other := c
				other.ID, other.Tag = "c-2", locker.Tag{2}
				claim, _ := ClaimOf("acme", &c)
				live, _ := ClaimOf("acme", &other)
				second := false
				r.st.asked = func() { r.st.asked = func() { second = true; use(r, how, key) } } // its own mark is read, then the other's
				v, err := r.b.Switch(t.Context(), &Snapshot{Set: "acme", Epoch: 1, To: 2, Records: 2, Claims: []Claim{claim, live}, Load: loaded{r.st}})
				if err != nil || v != (Verdict{}) || !second {
					t.Fatalf("%+v %v, %v", v, err, second)
				}
				synctest.Wait()
				if n := r.b.byID[door].rec.Named; len(n) != 1 || n[0].Code.ID != "c-2" {
					t.Errorf("the door is named by %+v", n)
				}
			})
		})
	}
}

func use(r *rig, how string, key locker.CodeKey) {
	if how == "revoked" {
		err := r.b.step(r.t.Context(), func(t *tx) { t.c.Codes = append(t.c.Codes, locker.CodeChange{Set: key.Set, Revoke: key.ID}) })
		if err != nil {
			r.t.Fatal(err)
		}
		return
	}
	r.scan("a text of acme's")
	time.Sleep(time.Second)
	r.pulses(1)
}
