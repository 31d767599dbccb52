package sim

import (
	"testing"
	"testing/synctest"
)

func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.tell("80 02 00 33 B1") // another board's
		b.tell("80 02 00 33 B2") // broken
		b.tell(open11)
		b.tell(askAll)
		if p := b.log.Pulses(); len(p) != 1 || p[0].Heard != 2 || b.log.Heard() != 3 {
			t.Errorf("pulses %+v, heard %d; want one, the second of 3 requests", p, b.log.Heard())
		}
	})
}
