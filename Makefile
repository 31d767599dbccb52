# Targets document themselves: make help.
GOLANGCI_VERSION := v2.15.0
FUZZTIME         := 60s
# Packages tested at a time: most of them wait, for simulated boards and their bytes.
PACKAGES         := 4
PROGRAMS         := ./cmd/lockerd ./cmd/lockerctl ./cmd/lockerctl-release ./cmd/lockerd-launch
TARGETS          := arm/6 arm/7 arm64 amd64

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X lockerd/cmd/lockerd/cli.Version=$(VERSION) -X lockerd/cmd/lockerctl/cli.Version=$(VERSION)
LINT    := .bin/golangci-lint-$(GOLANGCI_VERSION)

export CGO_ENABLED = 0

.PHONY: help
help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a simulated bank of two lockers in this terminal: scan codes, see doors open
	@$(GO) build -o .bin/lockerdemo ./cmd/lockerdemo && .bin/lockerdemo

.PHONY: demo-once
demo-once: ## the same unattended: opens doors, prints the journal, exits 0
	@$(GO) build -o .bin/lockerdemo ./cmd/lockerdemo && .bin/lockerdemo --once

.PHONY: build
build: ## lockerd and lockerctl for this machine, into .bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o .bin/ $(PROGRAMS)

.PHONY: cross
cross: ## the same for every board: linux arm v6, arm v7, arm64, amd64
	@for t in $(TARGETS); do \
	  arch=$${t%/*}; arm=$${t#$$arch}; arm=$${arm#/}; \
	  echo "linux/$$t"; \
	  GOOS=linux GOARCH=$$arch GOARM=$$arm $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o .bin/linux-$$arch$$arm/ $(PROGRAMS) || exit 1; \
	done

.PHONY: packages
packages: ## deb, rpm and apk for every board, with licences and bill of materials, into .bin/packages
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(GO) run ./cmd/lockerpkg -version $(VERSION)

ROOT := .bin/lifecycle/root.tar

.PHONY: lifecycle
lifecycle: $(ROOT) ## install, run, upgrade, remove and purge the package on a booted Debian (root, systemd-nspawn)
	LOCKERD_ROOT=$(CURDIR)/$(ROOT) $(GO) test -count=1 -v -timeout 30m -run TestLifecycle ./cmd/lockerpkg

$(ROOT):
	@mkdir -p $(@D)
	mmdebstrap --format=tar --variant=minbase --include=systemd,systemd-sysv,dbus,udev,procps bookworm $@.part
	@mv $@.part $@

.PHONY: qemu-arm
qemu-arm: ## programs, first door and power cuts on emulated ARMv6 and arm64; start beside a stub (needs qemu-user-static)
	LOCKERD_QEMU=1 $(GO) test -count=1 -v -timeout 60m -run TestQemu ./cmd/lockerpkg
	$(GO) test -run '^$$' -bench BenchmarkStart -benchtime 40x -timeout 20m ./cmd/lockerpkg

# The bank that an image is for: make image-pi CONFIG=lon-042.toml
CONFIG ?=

.PHONY: image-pi
image-pi: ## an image for the cards of Raspberry Pi 3 and 4: cmd/lockerpkg/image/README.md (root; a quarter of an hour, later a minute)
	@$(call image,$(CONFIG),pi-arm64)

.PHONY: image-qemu
image-qemu: ## the same with eight simulated doors
	@$(call image,cmd/lockerpkg/files/examples/sim.toml,qemu-arm64)

.PHONY: image-boot
image-boot: image-qemu ## start it in qemu, open a door, cut the power, again (ten minutes)
	LOCKERD_IMAGE=$(CURDIR)/.bin/image/lockerd-qemu-arm64.img $(GO) test -count=1 -v -timeout 30m -run TestBoot ./cmd/lockerpkg/image

define image
rm -f .bin/image/*.deb
export SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} && \
  $(GO) run ./cmd/lockerpkg -version $(VERSION) -targets arm64 -formats deb -out .bin/image && \
  $(GO) run ./cmd/lockerpkg/image -config '$(1)' -deb .bin/image/lockerd_*_arm64.deb -out .bin/image/lockerd-$(2).img
endef

.PHONY: test
test: ## all tests
	$(GO) test -p $(PACKAGES) ./...

.PHONY: race
race: ## the short tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 LOCKERD_BANKS=4 LOCKERD_SEEDS=2 LOCKERD_IMAGES=150 LOCKERD_KILLS=5 LOCKERD_FLIPS=20 $(GO) test -race -short -p 3 ./...

.PHONY: proofs
proofs: ## the long proofs: power cuts, seeded mutants, SIGKILL, bit rot, virtual months, random sequences beside a model
	( LOCKERD_NOISE=30s $(GO) test -count=1 -timeout 10m -run 'TestRS485/.*/noise' ./hal/haltest && \
	  LOCKERD_NOISE=30s $(GO) test -count=1 -timeout 10m -run TestNoisyScanner ./daemon ) & noise=$$!; \
	LOCKERD_IMAGES=20000 $(GO) test -count=1 -timeout 20m -run TestPowerCuts ./daemon/crash & cuts=$$!; \
	LOCKERD_KILLS=200 LOCKERD_FLIPS=2000 $(GO) test -count=1 -timeout 20m -skip TestPowerCuts ./daemon/crash && \
	$(GO) test -count=1 -timeout 20m -tags mutants -run TestMutants ./daemon/crash ./daemon/bank && wait $$cuts && \
	LOCKERD_SEQUENCES=20000 $(GO) test -count=1 -timeout 20m -run TestSequences ./daemon/bank && \
	LOCKERD_SEEDS=200 $(GO) test -count=1 -timeout 20m -run 'TestMonth' ./daemon/bank; r=$$?; wait $$noise || r=1; exit $$r

.PHONY: nightly-gpio
nightly-gpio: ## GPIO lines and keyboards on a kernel's own, in qemu (needs qemu-system-arm; fetches a kernel of 57 MB)
	$(GO) test -count=1 -v -timeout 15m -tags nightly ./hal/gpio/qemutest

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s) or an eighth of it, sixteen at a time
	@./.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## ratios against bare references, in one run (installs python3-serial where it can)
	@./.ci/bench

# Folders of pictures with a manifest.csv, for instance of a site's own codes.
PICTURES ?= $(wildcard ../shared/barcodes/camera ../shared/barcodes/public)

.PHONY: bench-camera
bench-camera: ## the camera reader beside Debian's zxing-cpp and zbar (installs them where it can)
	@./.ci/bench-camera $(PICTURES)

.PHONY: lint
lint: $(LINT) ## golangci-lint, pinned
	$(LINT) run ./...

$(LINT):
	@mkdir -p .bin
	GOBIN=$(CURDIR)/.bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv .bin/golangci-lint $(LINT)

.PHONY: clean
clean: ## remove what was built
	rm -rf .bin
