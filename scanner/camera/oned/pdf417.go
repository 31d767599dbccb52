package oned

const (
	startPDF      = "81111113" // ISO 15438, 5.4.2
	modulesPDF    = 17
	startPDFLimit = 2.5 // mismatch
)

// stacked tells whether a PDF417 may begin with the first element. It can't be
// read along one line, but lines tell cheaply where one is worth looking for.
func stacked(w []float32) bool {
	const n = len(startPDF)
	if len(w) < n || w[0] < 4*w[1] || w[0] < 4*w[2] || w[0] < 4*w[3] {
		return false
	}
	return mismatch(w, startPDF, sum(w[:n])/modulesPDF) < startPDFLimit
}
