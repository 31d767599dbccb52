package oned

const (
	startPDF      = "81111113"  // ISO 15438, 5.4.2
	stopPDF       = "121113117" // from behind
	modulesPDF    = 17
	modulesStop   = 18
	startPDFLimit = 2.5 // mismatch
	bar           = 4   // a wide bar beside narrow elements, at least
)

// End is what may be the start or the stop of a PDF417: pixels along a line.
type End struct{ From, To float32 }

// end returns how many elements an end of a PDF417 has that may begin with the
// first: its start or, seen from the other side, its stop, as one of them may be
// covered. A PDF417 can't be read along one line, but lines tell cheaply where
// one is worth looking for.
func end(w []float32) int {
	switch {
	case startsPDF(w):
		return len(startPDF)
	case stopsPDF(w):
		return len(stopPDF)
	}
	return 0
}

func startsPDF(w []float32) bool {
	const n = len(startPDF)
	if len(w) < n || w[0] < bar*w[1] || w[0] < bar*w[2] || w[0] < bar*w[3] {
		return false
	}
	return mismatch(w, startPDF, sum(w[:n])/modulesPDF) < startPDFLimit
}

func stopsPDF(w []float32) bool {
	const n = len(stopPDF)
	if len(w) < n || w[8] < bar*w[7] || w[8] < bar*w[6] || w[8] < bar*w[4] {
		return false
	}
	return mismatch(w, stopPDF, sum(w[:n])/modulesStop) < startPDFLimit
}

// Follows tells whether an end may be that of the same code as another in a line
// so many pixels before: as wide, and no further aside than a slanted code has it.
func (e End) Follows(before End, lines float32) bool {
	width, other := e.To-e.From, before.To-before.From
	aside := e.From - before.From
	return max(aside, -aside) <= lines+2 && max(width, other) <= widthRatio*min(width, other)
}

const widthRatio = 1.25
