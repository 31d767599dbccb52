package bank

import (
	"fmt"
	"testing"
	"testing/synctest"

	"lockerd/daemon/locker"
)

// TestUnruled: a tenant that no desired document bounds has a bound all the same.
func TestUnruled(t *testing.T) {
	b := &Bank{}
	b.desired.Doc.Tenants = []locker.TenantRule{{Tenant: "acme", MaxCodes: 7}, {Tenant: "globex", MaxDoors: 1}, {Tenant: "initech", MaxCodes: 1 << 40}}
	for set, want := range map[string]int{"acme": 7, "globex": maxUnruled, "umbrella": maxUnruled, "initech": maxRecords, locker.SetOperator: maxRecords} {
		if n := b.most(set); n != want {
			t.Errorf("%s may have %d records, want %d", set, n, want)
		}
	}
}

// TestTooManyMarks: a tenant can't fill the board with revocations of what never was.
// The operator can, whose key may more than that.
func TestTooManyMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		r.st.unseen = maxMarks - 3
		version := map[string]int64{}
		revoke := func(set string, ids ...string) (v Verdict) {
			d := &Delta{Set: set, Epoch: 1, From: version[set], To: version[set] + 1, Digest: &locker.Digest{}}
			for _, id := range ids {
				d.Ops = append(d.Ops, locker.CodeChange{Set: set, Revoke: id})
			}
			v, err := r.b.ApplyDelta(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if v.Refused == nil {
				version[set]++
			}
			return v
		}
		r.st.epoch = 1
		refused := func(v Verdict) bool { return v.Refused != nil && v.Refused.Reason == refusedQuota }
		if refused(revoke("acme", "a", "b")) || !refused(revoke("acme", "c", "d")) || refused(revoke("acme", "a", "b", "c", "c")) {
			t.Error("not three ids can be revoked")
		}
		if !refused(revoke("acme", "d")) || refused(revoke("acme", "c")) {
			t.Error("a fourth can, or what is revoked can't be once more")
		}
		for i := range 5 {
			if refused(revoke(locker.SetOperator, fmt.Sprint(i))) {
				t.Error("the operator is bounded")
			}
		}
	})
}
