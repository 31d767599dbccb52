// Package bench compares the reader of camera frames with zxing-cpp and zbar on
// pictures with known text. It has tests only: make bench-camera.
package bench
