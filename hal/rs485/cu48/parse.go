package cu48

import "lockerd/hal/rs485"

// parse looks for the status that answers a request to who.
func parse(who [2]byte, read func(locks []byte) rs485.Answer) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	want := [4]byte{start, who[0], who[1], cmdReply}
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		for i := range min(len(buf), len(want)) {
			if buf[i] != want[i] {
				return other(buf)
			}
		}
		if len(buf) < replyLen {
			return 0, rs485.More, rs485.Answer{}
		}
		if !whole(buf[:replyLen]) {
			return other(buf)
		}
		return replyLen, rs485.Reply, read(buf[4:10])
	}
}

func whole(f []byte) bool {
	n := len(f)
	return f[0] == start && f[n-2] == end && sum(f[:n-1]) == f[n-1]
}

// other tells a valid frame of somebody else from noise.
func other(buf []byte) (int, rs485.Verdict, rs485.Answer) {
	if buf[0] != start {
		return 1, rs485.Garbage, rs485.Answer{}
	}
	if len(buf) < 4 {
		return 0, rs485.More, rs485.Answer{}
	}
	n := 0
	switch buf[3] {
	case cmdStatus, cmdUnlock:
		n = askLen
	case cmdReply:
		n = replyLen
	}
	switch {
	case len(buf) < n:
		return 0, rs485.More, rs485.Answer{}
	case n > 0 && whole(buf[:n]):
		return n, rs485.Foreign, rs485.Answer{}
	}
	return 1, rs485.Garbage, rs485.Answer{}
}
