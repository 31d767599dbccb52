// Package hid is a barcode scanner that plays a keyboard ("wedge"), read
// through evdev. Its device is kept open as scanner/device says.
//
// The device is grabbed, always: else the scanner types into the login console.
// What its keys mean is the layout that the scanner is set to. A key is taken
// when it goes down; its automatic repeats, its release, and an Enter before the
// first character are nothing. A key without an ASCII character, and keys that the
// kernel has dropped, make the scan malformed: no scan is ever delivered with a
// character missing.
//
// The event device is any stream of struct input_event; keyboards, pipes and
// sockets serve. It has been tried on a USB keyboard of qemu's, on a real kernel
// (make nightly-gpio), and not yet on a real scanner.
package hid
