// Package qemutest runs the tests of hal/gpio and scanner/hid that want a real
// kernel: the GPIO chip (PL061) and a USB keyboard of qemu's arm64 machine
// "virt". They are built with tag nightly; `make nightly-gpio` runs them.
//
// The guest is a kernel, and an initial file system with package guest as its
// init and the test binaries. A test asks for something from outside by a line
// "@host COMMAND" on the console, which goes to qemu's monitor.
package qemutest
