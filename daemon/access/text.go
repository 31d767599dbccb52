package access

import (
	"fmt"

	"lockerd/daemon/locker"
)

// Lengths by which a text is told apart before anything is looked up.
const (
	codeDigits   = 26  // 24 random digits and an ISO 7064 MOD 97-10 check pair
	ticketDigits = 100 // so many digits or more are a ticket (contract 5.5)
)

// Text judges a cleaned text before any look-up: a 26-digit text must satisfy
// its check pair, else it is misread.
func Text(s string) locker.Reason {
	if len(s) == codeDigits && digits(s) && mod97(s) != 1 {
		return locker.Misread
	}
	return locker.Granted
}

// IsWhole tells whether a text is a code to its last digit, whatever follows.
func IsWhole(s string) bool { return len(s) == codeDigits && digits(s) && mod97(s) == 1 }

// IsTicket tells whether a text is a ticket, not a code.
func IsTicket(s string) bool { return len(s) >= ticketDigits && digits(s) }

// WithCheck appends the ISO 7064 MOD 97-10 check pair to 24 digits.
func WithCheck(body string) string {
	check := (98 - mod97(body)*100%97) % 97
	return body + fmt.Sprintf("%02d", check)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func mod97(s string) int {
	n := 0
	for i := range len(s) {
		n = (n*10 + int(s[i]-'0')) % 97
	}
	return n
}
