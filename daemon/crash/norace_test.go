//go:build !race

package crash

const raced = 1
