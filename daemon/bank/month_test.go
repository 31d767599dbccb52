package bank

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of TestMonth.
const (
	monthLength = 30 * 24 * time.Hour
	monthSeeds  = 10 // LOCKERD_SEEDS sets another number: CI takes 200
	monthSteps  = 40 // told of a seed that fails
	diskEvery   = 5  // every so manieth seed runs on the real store
)

// TestMonth lets a population use a bank for a virtual month and holds the
// bank's journal and pulses against contract 5 after each step. What happens
// comes from a seed: LOCKERD_SEED=n replays one.
func TestMonth(t *testing.T) {
	for _, seed := range monthSeedsOf(t) {
		t.Run("seed="+strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { liveAMonth(t, seed) })
		})
	}
}

func monthSeedsOf(t *testing.T) []uint64 {
	t.Helper()
	if one := os.Getenv("LOCKERD_SEED"); one != "" {
		n, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatal("LOCKERD_SEED is no number: ", err)
		}
		return []uint64{n}
	}
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("LOCKERD_SEEDS"), strconv.Itoa(monthSeeds)), 10, 16)
	if err != nil {
		t.Fatal("LOCKERD_SEEDS is no number: ", err)
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i) + 1
	}
	return seeds
}

func liveAMonth(t *testing.T, seed uint64) {
	t.Helper()
	var on media = &ram{st: newMemStore()}
	if seed%diskEvery == 0 {
		on = &disk{base: diskBase(t)}
	}
	m := newMonth(seed, on)
	m.run()
	if m.err() != nil {
		t.Errorf("LOCKERD_SEED=%d: %v\nthe last steps:\n  %s", seed, m.err(), strings.Join(m.log, "\n  "))
	}
	t.Logf("seed %d: %d steps, %d events, %d codes, %d boots; %v", seed, m.steps, m.model.seq, len(m.model.all), m.model.boot, m.seen)
}

// monthDoors are three lockers on two buses, three boards.
func monthDoors() []DoorSpec {
	sizes := []locker.Size{locker.SizeS, locker.SizeM, locker.SizeM, locker.SizeL}
	var out []DoorSpec
	for i := range 12 {
		d := DoorSpec{
			ID: locker.DoorID{Locker: uint8(i/4 + 1), Door: uint8(i%4 + 1)}, Size: sizes[i%4], Sensor: true, Use: "any", Bus: "a",
		}
		d.Lock.Address, d.Lock.Channel = i/4+1, i%4+1
		if i >= 8 {
			d.Bus = "b"
		}
		out = append(out, d)
	}
	out[2].Accessible, out[5].Accessible = true, true
	out[7].Sensor = false
	out[11].Tenant = "acme"
	return out
}
