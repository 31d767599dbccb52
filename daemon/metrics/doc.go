// Package metrics shows a bank in Prometheus's text exposition format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/), at /metrics of the
// configuration's [metrics] listen.
//
// Units are base units (seconds, bytes), counters end in _total and begin anew with each start of
// lockerd. Nothing of a person, a code or a serial is in it; tenants and skus are, with
// their stock. Whoever reaches the address may read it.
//
// The library of the Prometheus project would make lockerd 3.9 MiB larger (protobuf and
// reflection), beyond what a board's program may weigh; the format is a few lines.
package metrics
