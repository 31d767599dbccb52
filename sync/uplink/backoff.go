package uplink

import "time"

// backoff returns how long to wait before the try-th new connection, from 1:
// chance between min and a ceiling that doubles up to most. rnd is from [0, 1).
// The least is a promise to the broker, the chance keeps a fleet from coming
// back in one step.
func backoff(try int, least, most time.Duration, rnd float64) time.Duration {
	ceiling := most
	if shift := min(try, 30); least<<shift > 0 && least<<shift < most {
		ceiling = least << shift
	}
	return least + time.Duration(rnd*float64(max(ceiling-least, 0)))
}
