package cu48

import (
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

// parse looks for the status that answers a request to who.
func parse(who [2]byte, read func(locks []byte) rs485.Answer) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return frame.Parse(frame.Kerong(3, length), func(f []byte) (rs485.Answer, bool) {
		if !frame.Begins(f, start, who[0], who[1], cmdReply) {
			return rs485.Answer{}, false
		}
		return read(f[4:10]), true
	})
}

// length returns that of a frame by its function.
func length(cmd byte) int {
	switch cmd {
	case cmdStatus, cmdUnlock:
		return askLen
	case cmdReply:
		return replyLen
	}
	return 0
}
