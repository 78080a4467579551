package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/storage"
)

func TestTheZeroConfigurationIsValid(t *testing.T) {
	c := Config{}.WithDefaults()
	if err := c.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:7838" || c.HTTPListen != "127.0.0.1:7839" || c.OpsListen != "127.0.0.1:7840" || c.DrainTimeout != 10*time.Second ||
		c.Connections != 1000 || c.StreamsPerConnection != 1000 {
		t.Errorf("other defaults than documented: %+v", c)
	}
}

func TestValidateNamesAllFaultsAtOnce(t *testing.T) {
	c := Config{
		Listen: "nowhere", OpsListen: "0.0.0.0:1", TLS: TLSFiles{Cert: "c.pem"}, DrainTimeout: time.Hour,
		Limits: storage.Limits{EventBytes: 1 << 30}, Connections: -1, StreamsPerConnection: 100_001,
		Calls: 10_000_001, Subscriptions: 1_000_001, Pipelines: 100_001, PipelineInFlight: 65_537,
	}.WithDefaults()
	e, ok := errors.AsType[*storage.InvalidError](c.Validate(t.Context()))
	if !ok {
		t.Fatal("no InvalidError")
	}
	var fields []string
	for _, v := range e.Violations {
		fields = append(fields, v.Field)
	}
	want := "listen ops_listen tls limits.event_bytes connections streams_per_connection calls subscriptions pipelines pipeline_in_flight drain_timeout"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("faults in\n%s, want\n%s", got, want)
	}
}

func TestBoundsOfNumbersAreHeld(t *testing.T) {
	for _, b := range (&Config{}).bounds() {
		for n, valid := range map[int]bool{-1: false, 1: true, b.ceiling: true, b.ceiling + 1: false} {
			var c Config
			for _, at := range c.bounds() {
				if at.name == b.name {
					*at.value = n
				}
			}
			if err := c.WithDefaults().Validate(t.Context()); (err == nil) != valid {
				t.Errorf("%s %d: %v, want valid: %v", b.name, n, err, valid)
			}
		}
	}
}

func TestListenersBeyondLoopbackWantTLSOrLeave(t *testing.T) {
	ring := ringOf(t)
	beyond := []string{":7838", "0.0.0.0:7838", "[::]:7838", "192.0.2.1:7838", "10.0.0.1:7838", "169.254.1.1:7838", "[fd00::1]:7838", "[2001:db8::1]:7838", "[::ffff:192.0.2.1]:7838"}
	for _, address := range beyond {
		for _, c := range []Config{
			{Listen: address},
			{HTTPListen: address},
			{OpsListen: address},
			{OpsListen: address, TLS: TLSFiles{Cert: "c", Key: "k"}},
			{Listen: address, Keys: ring},
			{HTTPListen: address, Keys: ring},
			{OpsListen: address, Keys: ring},
		} {
			err := c.WithDefaults().Validate(t.Context())
			if err == nil || !strings.Contains(err.Error(), "without TLS") {
				t.Errorf("listen %q, http %q, ops %q: %v, want a refusal", c.Listen, c.HTTPListen, c.OpsListen, err)
			}
		}
		for _, c := range []Config{
			{Listen: address, TLS: TLSFiles{Cert: "c", Key: "k"}},
			{HTTPListen: address, TLS: TLSFiles{Cert: "c", Key: "k"}},
		} {
			err := c.WithDefaults().Validate(t.Context())
			if err == nil || !strings.Contains(err.Error(), "without a key") {
				t.Errorf("listen %q, http %q: %v, want a refusal", c.Listen, c.HTTPListen, err)
			}
		}
		for _, c := range []Config{
			{Listen: address, Insecure: true},
			{OpsListen: address, Insecure: true},
			{HTTPListen: address, Insecure: true},
			{Listen: address, HTTPListen: address, TLS: TLSFiles{Cert: "c", Key: "k"}, Keys: ring},
			{Listen: address, HTTPListen: address, TLS: TLSFiles{Cert: "c", Key: "k", ClientCA: "a"}},
		} {
			if err := c.WithDefaults().Validate(t.Context()); err != nil {
				t.Errorf("allowed: %v", err)
			}
		}
	}
	for _, address := range []string{"127.0.0.1:0", "127.9.9.9:1", "[::1]:7838", "[::ffff:127.0.0.1]:7838", "localhost:7838"} {
		if err := (Config{Listen: address, HTTPListen: address, OpsListen: address}).WithDefaults().Validate(t.Context()); err != nil {
			t.Errorf("%s is loopback: %v", address, err)
		}
	}
}

func TestOriginsAreSites(t *testing.T) {
	ring := ringOf(t)
	for _, c := range []struct {
		origin string
		keys   *keyring.Ring
		valid  bool
	}{
		{"https://example.com", nil, true},
		{"http://localhost:3000", nil, true},
		{"*", ring, true},
		{"*", nil, false},
		{"example.com", nil, false},
		{"https://example.com/", nil, false},
		{"https://example.com/a", nil, false},
		{"ftp://example.com", nil, false},
		{"", nil, false},
		{"null", nil, false},
		{"https://u@example.com", nil, false},
	} {
		err := Config{CORSOrigins: []string{c.origin}, Keys: c.keys}.WithDefaults().Validate(t.Context())
		if (err == nil) != c.valid {
			t.Errorf("%q, keys %t: %v, want valid: %t", c.origin, !c.keys.Open(), err, c.valid)
		}
	}
}

func TestAHostNameIsBeyondLoopbackWhenOneOfItsAddressesIs(t *testing.T) {
	answers := map[string][]netip.Addr{
		"here":  {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")},
		"mixed": {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.1")},
	}
	ask := func(host string) string {
		how, err := beyondLoopback(t.Context(), host, func(_ context.Context, _, host string) ([]netip.Addr, error) { return answers[host], nil })
		if err != nil {
			t.Fatal(err)
		}
		return how
	}
	if how := ask("here"); how != "" {
		t.Errorf("here %s", how)
	}
	if how := ask("mixed"); !strings.Contains(how, "10.0.0.1") {
		t.Errorf("mixed %q, want the address that is beyond", how)
	}
}

func TestBadAddressesAreNamed(t *testing.T) {
	for address, want := range map[string]string{
		"7838":            "want HOST:PORT",
		"127.0.0.1:65536": "0 to 65535",
		"127.0.0.1:stet":  "0 to 65535",
		"not a host:7838": "cannot be looked up",
	} {
		err := Config{Listen: address}.WithDefaults().Validate(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestTheEffectiveConfigurationIsShown(t *testing.T) {
	c := Config{Version: "v9", Connections: 77}.WithDefaults()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("serving", "config", c)
	if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "config.connections=77") || !strings.Contains(line, "config.drain_timeout=10s") {
		t.Errorf("logged %q", line)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Version     string
		Connections int
		Limits      storage.Limits
	}
	if err := json.Unmarshal(text, &shown); err != nil || shown.Version != "v9" || shown.Connections != 77 || shown.Limits.EventBytes != 1<<20 {
		t.Errorf("%s: %v", text, err)
	}
}
