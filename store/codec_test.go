package store

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"lockerd/daemon/locker"
)

// FuzzCodeRecord: whatever is taken as a code record is written back the same,
// and no flipped bit and no other key passes.
func FuzzCodeRecord(f *testing.F) {
	for i := range 3 {
		c := testCode(i)
		f.Add(c.Tag[:], appendCode(nil, &c, &locker.Mark{Used: i, Revoked: i == 1, Until: 5})[sumSize:], uint(i*31))
	}
	long := testCode(1)
	uses := 3
	long.Label, long.Kind, long.Uses, long.Items, long.Accessible = string(make([]byte, 300)), "other", &uses, 4, true
	f.Add(make([]byte, 16), appendCode(nil, &long, &locker.Mark{})[sumSize:], uint(9))
	f.Fuzz(func(t *testing.T, tag, payload []byte, bit uint) {
		if len(tag) != 16 {
			return
		}
		v := seal(tag, append(make([]byte, sumSize), payload...))
		var e locker.Entry
		if decodeCode(tag, v, &e) != nil {
			return
		}
		again := appendCode(nil, &e.Code, &e.Mark)
		var f locker.Entry
		if err := decodeCode(tag, again, &f); err != nil || !reflect.DeepEqual(e, f) {
			t.Fatalf("%+v became %+v, %v", e, f, err)
		}
		again[bit/8%uint(len(again))] ^= 1 << (bit % 8)
		if decodeCode(tag, again, &f) == nil {
			t.Fatal("a flipped bit passed")
		}
		other := bytes.Clone(tag)
		other[0] ^= 1
		if decodeCode(other, v, &f) == nil {
			t.Fatal("the record passed under another key")
		}
	})
}

// TestCodeRecordKeepsAll: every member comes back.
func TestCodeRecordKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 300, 400)
		num := rapid.Int64()
		c := locker.Code{
			ID: text.Draw(t, "id"), Rev: num.Draw(t, "rev"), Kind: locker.Kind(rapid.SampledFrom([]string{"collect", "service", "swap", "", "new"}).Draw(t, "kind")),
			Ref: text.Draw(t, "ref"), Tenant: text.Draw(t, "tenant"), Door: locker.DoorID{Locker: rapid.Byte().Draw(t, "l"), Door: rapid.Byte().Draw(t, "d")},
			SKU: text.Draw(t, "sku"), Size: locker.Size(rapid.Byte().Draw(t, "size")), Accessible: rapid.Bool().Draw(t, "acc"),
			Items: int(rapid.Int32().Draw(t, "items")), NotBefore: locker.Time(num.Draw(t, "nb")), NotAfter: locker.Time(num.Draw(t, "na")),
			To: text.Draw(t, "to"), Label: text.Draw(t, "label"), Name: text.Draw(t, "name"),
		}
		if rapid.Bool().Draw(t, "has uses") {
			n := int(rapid.Int32().Draw(t, "uses"))
			c.Uses = &n
		}
		copy(c.Tag[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "tag"))
		m := locker.Mark{
			Used: int(rapid.Int32().Draw(t, "used")), Revoked: rapid.Bool().Draw(t, "revoked"), Going: rapid.Bool().Draw(t, "going"), Done: int(rapid.Int32().Draw(t, "done")),
			Until: locker.Time(num.Draw(t, "until")), Last: locker.Time(num.Draw(t, "last")),
		}
		var e locker.Entry
		if err := decodeCode(c.Tag[:], appendCode(nil, &c, &m), &e); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e.Code, c) || e.Mark != m {
			t.Fatalf("%+v became %+v", c, e)
		}
	})
}

// jsonRoundTrip: what decodes is encoded, and decodes to the same.
func jsonRoundTrip[T any](f *testing.F, seeds ...T) {
	f.Helper()
	for _, s := range seeds {
		b, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, w T
		if decodeJSON(b, &v) != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			return // a value that has no JSON, as a year of five digits
		}
		if err := decodeJSON(again, &w); err != nil {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
		if third, err := json.Marshal(w); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s became %s: %v", again, third, err)
		}
	})
}

func FuzzMark(f *testing.F) {
	f.Add(appendMark(nil, locker.Mark{Used: 1, Revoked: true, Until: 7}))
	f.Add([]byte{1, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, back locker.Mark
		if decodeMark(b, &m) != nil {
			return
		}
		if err := decodeMark(appendMark(nil, m), &back); err != nil || back != m {
			t.Fatalf("%+v comes back as %+v (%v)", m, back, err)
		}
	})
}

func FuzzDoor(f *testing.F) {
	jsonRoundTrip(f, locker.DoorRecord{Door: locker.DoorID{Locker: 1, Door: 7}, Item: &locker.Item{SKU: "x"}, Intent: &locker.Intent{At: 1}})
}

func FuzzSet(f *testing.F) {
	jsonRoundTrip(f, setState{Info: locker.SetInfo{Epoch: 1}, Gen: 2, Size: 3})
}

func FuzzCheckpointObject(f *testing.F) {
	k := testCode(1)
	jsonRoundTrip(f, object{Head: &checkpointHead{Journal: "j", Index: 1}}, object{Value: &namedValue{"n", []byte{0, 255}}}, object{Code: &locker.CodeChange{Set: "local", Put: &k}})
}

func FuzzCommitState(f *testing.F) {
	jsonRoundTrip(f, state{Commit: use("acme", 1, 1)}, state{Flip: &flip{Gen: genID{"acme", 3}}}, state{Stop: true})
}

// FuzzSealed: values are any bytes; the seal covers them and their key.
func FuzzSealed(f *testing.F) {
	f.Add([]byte("clock_floor"), []byte("1795428000000"), uint(3))
	f.Fuzz(func(t *testing.T, k, p []byte, bit uint) {
		v := seal(k, append(make([]byte, sumSize), p...))
		if got, err := unseal(k, v); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%q %v", got, err)
		}
		v[bit/8%uint(len(v))] ^= 1 << (bit % 8)
		if _, err := unseal(k, v); err == nil {
			t.Fatal("a flipped bit passed")
		}
	})
}

// FuzzIDIndex: every id of a load is found, whatever the ids are.
func FuzzIDIndex(f *testing.F) {
	f.Add(uint16(300), uint16(7))
	f.Fuzz(func(t *testing.T, n, salt uint16) {
		s := openStore(t, t.TempDir(), Options{})
		g := genID{"acme", 1}
		var es []idEntry
		for i := range int(n%600) + 1 {
			c := testCode(i + int(salt))
			es = append(es, idEntry{hashID(c.ID), c.Tag})
		}
		es, _ = spread(es, nil, func(e *idEntry) uint64 { return e.hash }, compareIDs)
		if !slices.IsSortedFunc(es, compareIDs) {
			t.Fatal("not sorted")
		}
		err := s.db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte(g.ids()))
			if err != nil {
				return err
			}
			for run := uint32(0); len(es) > 0; run = (run + 1) % 2 {
				m := min(len(es), idBlockEntries)
				if err := putIDBlock(b, run, es[:m]); err != nil {
					return err
				}
				es = es[m:]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.db.View(func(tx *bbolt.Tx) error {
			for i := range int(n%600) + 1 {
				c := testCode(i + int(salt))
				tags, err := tagsOf(tx, g, c.ID)
				if err != nil || len(tags) != 1 || tags[0] != c.Tag {
					t.Fatalf("id %d: %v %v", i, tags, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
