package access

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lockerd/daemon/locker"
)

func TestText(t *testing.T) {
	// The texts of testdata/vectors/codes.json, the last with one digit changed
	// and with two digits swapped.
	for text, want := range map[string]locker.Reason{
		"31415926535897932384626434": locker.Granted,
		"00000000000000000000000195": locker.Granted,
		"27182818284590452353602888": locker.Granted,
		"27182818284590452353602988": locker.Misread,
		"27182818284590452353620888": locker.Misread,
		"SN-12345":                   locker.Granted,
		"2718281828459045235360288X": locker.Granted,
	} {
		if got := Text(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWithCheck(t *testing.T) {
	for range 1000 {
		body := fmt.Sprintf("%012d%012d", rand.Int64N(1e12), rand.Int64N(1e12))
		text := WithCheck(body)
		if !IsWhole(text) || IsWhole(text[1:]) || Text(text) != locker.Granted {
			t.Fatalf("%s is no valid text", text)
		}
		wrong := []byte(text)
		wrong[rand.IntN(24)] ^= 1
		if Text(string(wrong)) != locker.Misread {
			t.Fatalf("%s with one digit wrong passes", text)
		}
	}
}
