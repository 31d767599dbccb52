package crash

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"lockerd/cmd/lockerd/cli"
	"lockerd/store/storetest"
)

// Environment of the tests.
const (
	envImages = "LOCKERD_IMAGES"
	envKills  = "LOCKERD_KILLS"
	envFlips  = "LOCKERD_FLIPS"
	envSeed   = "LOCKERD_SEED"
)

// TestMain makes of the test binary the serving process of the recorder, and
// lockerd itself, when it is started as one of them.
func TestMain(m *testing.M) {
	storetest.Serve()
	if len(os.Args) > 1 && (os.Args[1] == "run" || os.Args[1] == "_check-store") {
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// size returns how many of something a test does: the environment decides.
func size(t *testing.T, env string, short, normal int) int {
	t.Helper()
	n := normal
	if testing.Short() {
		n = short
	}
	if v := os.Getenv(env); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1 {
			t.Fatalf("cannot use %s = %q: write a number of at least 1", env, v)
		}
	}
	return n
}

// seeded returns a source of chance and prints what it was seeded with.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv(envSeed); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("cannot use %s = %q: %v", envSeed, v, err)
		}
	}
	t.Logf("seed %s=%d", envSeed, seed)
	return rand.New(rand.NewPCG(seed, 0)), seed
}
