package backend

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
)

const codeDigits = 24 // random ones: 79 bits

// NewText makes the text of a code: 24 random digits and the check pair of ISO 7064
// MOD 97-10. A nil source is crypto/rand's.
func NewText(source io.Reader) (string, error) {
	if source == nil {
		source = rand.Reader
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil)
	n, err := rand.Int(source, limit)
	if err != nil {
		return "", fmt.Errorf("cannot make a code: no random numbers: %w", err)
	}
	return withCheck(n), nil
}

func withCheck(n *big.Int) string {
	r := new(big.Int).Mul(n, big.NewInt(100))
	check := 98 - r.Mod(r, big.NewInt(97)).Int64()
	return fmt.Sprintf("%0*s%02d", codeDigits, n.String(), check)
}

// CheckText tells whether a text of 26 digits carries the right check pair.
func CheckText(text string) bool {
	if len(text) != codeDigits+2 {
		return false
	}
	m := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
		m = (m*10 + int(c-'0')) % 97
	}
	return m == 1
}
