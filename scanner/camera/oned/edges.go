package oned

const (
	minSwing  = 10   // luminance between a light and a dark element, at least
	swingPart = 5    // a new element must swing a fifth of what its neighbours do
	maxEdges  = 1024 // of one line: more is texture
)

// edges finds where a line crosses between light and dark, in pixels. It goes
// from extreme to extreme of the luminance and takes the place where the middle
// of the two is crossed: blur then moves all edges alike. The first edge goes
// from light to dark, the second from dark to light, and so on.
func (s *Scanner) edges(line []uint8) []float32 {
	out := s.found[:0]
	swing := float32(minSwing)
	top, last := 0, -1 // the extreme being followed, and the one before it
	falling := false   // the line is going down from last
	low := 0           // the lowest so far, before the first swing
	for x := 1; x < len(line) && len(out) < maxEdges; x++ {
		v := line[x]
		switch {
		case last < 0: // no swing yet: light to dark is what begins a code
			if v > line[top] {
				top = x
			} else if v < line[low] {
				low = x
			}
			if float32(line[top])-float32(v) >= swing {
				last, top, falling = top, x, true
			}
		case falling && v < line[top], !falling && v > line[top]:
			top = x
		case falling && float32(v)-float32(line[top]) >= swing, !falling && float32(line[top])-float32(v) >= swing:
			out = append(out, crossing(line, last, top))
			swing = nextSwing(swing, line[last], line[top])
			last, top, falling = top, x, !falling
		}
	}
	if last >= 0 && top > last {
		out = append(out, crossing(line, last, top))
	}
	s.found = out
	return out
}

// nextSwing follows the contrast of a line: at once upwards, slowly downwards.
func nextSwing(swing float32, a, b uint8) float32 {
	height := float32(max(a, b)-min(a, b)) / swingPart
	return max(minSwing, height, swing*0.875)
}

// crossing returns where the line between two extremes crosses their middle.
func crossing(line []uint8, from, to int) float32 {
	a, b := int(line[from]), int(line[to])
	for x := from; x < to; x++ {
		p, q := 2*int(line[x])-a-b, 2*int(line[x+1])-a-b
		if (p > 0) != (q > 0) || q == 0 {
			return float32(x) + float32(p)/float32(p-q)
		}
	}
	return float32(from+to) / 2
}
