package main

// target is a kind of board that packages are made for.
type target struct {
	name   string // as in the names of files
	goarch string
	goarm  string
	deb    string // architecture in each format
	rpm    string
	apk    string
	not    string // uname -m of boards that this package is refused on; "" none
}

// String returns the target's name.
func (t target) String() string { return t.name }

// targets is the catalogue.
//
// ARMv6 is armhf in Debian's terms, as ARMv7 is: the ARMv6 boards that are met
// in lockers are the Raspberry Pi 1 and Zero, whose Raspberry Pi OS calls itself
// armhf, and dpkg there takes nothing else. armel would be wrong: it stands for
// ARMv5 without floating point, where a GOARM=6 program dies with SIGILL, and
// Debian gives it up after release 13. So two packages have one architecture:
// the file names tell them apart, the v7 one refuses a v6 board before anything
// is unpacked, and the v6 one runs on both. An apt repository takes one of them.
func targets() []target {
	return []target{
		{name: "amd64", goarch: "amd64", deb: "amd64", rpm: "x86_64", apk: "x86_64"},
		{name: "arm64", goarch: "arm64", deb: "arm64", rpm: "aarch64", apk: "aarch64"},
		{name: "armhf", goarch: "arm", goarm: "7", deb: "armhf", rpm: "armv7hl", apk: "armv7", not: "armv6l"},
		{name: "armhf-v6", goarch: "arm", goarm: "6", deb: "armhf", rpm: "armv6hl", apk: "armhf"},
	}
}

// env is the environment of the go command for this target.
func (t target) env() []string {
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + t.goarch, "GOARM=" + t.goarm, "GOFLAGS=-mod=readonly"}
}
