package sheet

import (
	"fmt"
	"strconv"
)

const none = "–" // in a cell that has nothing to tell

// noun is the word for a number of things.
func noun(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func plural(n int, one, many string) string { return fmt.Sprintf("%d %s", n, noun(n, one, many)) }

// tally shows how often something was, never as 0.
func tally[N int | int64](n N) string {
	if n == 0 {
		return none
	}
	return strconv.FormatInt(int64(n), 10)
}

// share is a part in percent. It is never rounded up to all.
func share(n, of int) string {
	if of == 0 {
		return none
	}
	per := n * 1000 / of
	return fmt.Sprintf("%d.%d %%", per/10, per%10)
}

// span shows milliseconds with a unit that leaves two or three digits.
func span(ms int64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 100_000:
		return fmt.Sprintf("%d.%d s", ms/1000, ms%1000/100)
	}
	return fmt.Sprintf("%d min %d s", ms/60_000, ms%60_000/1000)
}

// age shows seconds in days, below two days in hours.
func age(s int64) string {
	if h := s / 3600; h < 48 {
		return plural(int(h), "hour", "hours")
	}
	return fmt.Sprintf("%d days", s/86_400)
}
