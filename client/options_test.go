package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func TestOptionsNameAllTheirFaults(t *testing.T) {
	err := client.Options{Insecure: true, CAFile: "x", CertFile: "y", Attempts: -1, BackoffBase: -1, RequestBytes: 1 << 40, TLS: &tls.Config{MinVersion: tls.VersionTLS13}}.Validate()
	for _, word := range []string{"insecure", "choose one", "key", "attempts", "back-off", "request bytes"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not named in: %v", word, err)
		}
	}
	if err := (client.Options{}).Validate(); err != nil {
		t.Errorf("zero options: %v", err)
	}
	for _, attempts := range []int{1, 100} {
		if err := (client.Options{Attempts: attempts}).Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := (client.Options{Attempts: 101}).Validate(); err == nil {
		t.Error("101 attempts are allowed")
	}
}

func TestAnAddressNeedsHostAndPort(t *testing.T) {
	for _, addr := range []string{"", "localhost", "localhost:", "::1"} {
		if c, err := client.Dial(addr, client.Options{}); err == nil {
			t.Errorf("%q was taken", addr)
			_ = c.Close() // the test failed already
		}
	}
	c, err := client.Dial("[::1]:7838", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestOnlyThisMachineIsSpokenToWithoutTLSUnlessAsked(t *testing.T) {
	for _, tc := range []struct {
		addr    string
		options client.Options
		plain   bool
	}{
		{"127.0.0.1:7838", client.Options{}, true},
		{"127.8.8.8:7838", client.Options{}, true},
		{"[::1]:7838", client.Options{}, true},
		{"localhost:7838", client.Options{}, true},
		{"unix:/run/stet.sock", client.Options{}, true},
		{"127.0.0.1:7838", client.Options{CAFile: "ca.pem"}, false},
		{"10.0.0.1:7838", client.Options{}, false},
		{"localhost.example:7838", client.Options{}, false},
		{"stet.example:7838", client.Options{Insecure: true}, true},
	} {
		if got := client.Plain(tc.options, tc.addr); got != tc.plain {
			t.Errorf("%s with %+v: plain %v", tc.addr, tc.options, got)
		}
	}
}

// identities are an authority and certificates made by it, as files.
type identities struct {
	dir  string
	pool *x509.CertPool
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIdentities(t *testing.T) *identities {
	t.Helper()
	id := &identities{dir: t.TempDir(), pool: x509.NewCertPool(), key: newKey(t)}
	id.ca = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, id.ca, id.ca, &id.key.PublicKey, id.key)
	if err != nil {
		t.Fatal(err)
	}
	id.pool.AppendCertsFromPEM(id.write(t, "ca.pem", "CERTIFICATE", der))
	return id
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (id *identities) path(name string) string { return filepath.Join(id.dir, name) }

func (id *identities) write(t *testing.T, name, kind string, der []byte) []byte {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(id.path(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return text
}

// issue makes name.pem and name.key.
func (id *identities) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"stet.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, id.ca, &key.PublicKey, id.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(id.write(t, name+".pem", "CERTIFICATE", der), id.write(t, name+".key", "EC PRIVATE KEY", keyDER))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestAServerWithTLSAsksForTheRightOptions(t *testing.T) {
	id := newIdentities(t)
	f := &fake{getHead: func(int) (*stetv1.GetHeadResponse, error) { return &stetv1.GetHeadResponse{Head: 3}, nil }}
	f.startWith(t, serverTLS(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.issue(t, "server")},
		ClientCAs: id.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	own := id.issue(t, "client")
	for _, tc := range []struct {
		name    string
		options client.Options
		works   bool
	}{
		{"files", client.Options{CAFile: id.path("ca.pem"), CertFile: id.path("client.pem"), KeyFile: id.path("client.key")}, true},
		{"files and name", client.Options{CAFile: id.path("ca.pem"), CertFile: id.path("client.pem"), KeyFile: id.path("client.key"), ServerName: "stet.example"}, true},
		{"configuration", client.Options{TLS: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: id.pool, Certificates: []tls.Certificate{own}}}, true},
		{"another name", client.Options{CAFile: id.path("ca.pem"), CertFile: id.path("client.pem"), KeyFile: id.path("client.key"), ServerName: "other.example"}, false},
		{"no client certificate", client.Options{CAFile: id.path("ca.pem")}, false},
		{"the system's authorities", client.Options{CertFile: id.path("client.pem"), KeyFile: id.path("client.key")}, false},
		{"no TLS", client.Options{}, false},
	} {
		tc.options.Attempts = 1
		c, _ := dial(t, f.addr, tc.options)
		head, err := c.Head(limited(t))
		if tc.works && (err != nil || head.GetHead() != 3) || !tc.works && !is[*client.Unavailable](err) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestUnreadableTLSFilesAreNamed(t *testing.T) {
	id := newIdentities(t)
	id.write(t, "empty.pem", "NOTHING", nil)
	for _, o := range []client.Options{
		{CAFile: id.path("missing.pem")}, {CAFile: id.path("empty.pem")}, {CertFile: id.path("ca.pem"), KeyFile: id.path("ca.pem")},
	} {
		if c, err := client.Dial("127.0.0.1:1", o); err == nil {
			t.Errorf("%+v was taken", o)
			_ = c.Close() // the test failed already
		}
	}
}
