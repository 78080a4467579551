package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// authority signs the certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

var serial atomic.Int64

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for loopback, with its key, as PEM.
func (a *authority) issue(name string) (cert, key []byte) {
	a.t.Helper()
	k := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// secured are TLS files in a directory of the test.
func secured(t *testing.T, a *authority, name string) TLSFiles {
	t.Helper()
	dir := t.TempDir()
	f := TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	cert, key := a.issue(name)
	write(t, f.Cert, cert)
	write(t, f.Key, key)
	return f
}

// write gives a file new content and a time of change of its own, however
// coarse the file system's clock is.
func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000+serial.Add(1), 0)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// stepClock is a source whose monotonic clock leaps at every look, so that
// every handshake looks at the files.
type stepClock struct{ at atomic.Int64 }

func (c *stepClock) Wall() time.Time { return time.Now() }

func (c *stepClock) Elapsed() time.Duration { return time.Duration(c.at.Add(int64(reloadInterval))) }

// shownBy is the name in the certificate that a server shows to a new client.
func shownBy(t *testing.T, address string, config *tls.Config) (string, error) {
	t.Helper()
	config.NextProtos = []string{"h2"}
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(waiting(t), "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestTLSServesTheAPI(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, nil, func(c *Config) { c.TLS = secured(t, a, "server") })
	conn := dial(t, s.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1"})))
	if _, err := stetv1.NewEventStoreClient(conn).Append(waiting(t), oneEvent("cart-1")); err != nil {
		t.Fatal(err)
	}
}

func TestTLSBelowOneDotThreeIsRefused(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, nil, func(c *Config) { c.TLS = secured(t, a, "server") })
	if _, err := shownBy(t, s.Addr().String(), &tls.Config{RootCAs: a.pool(), MaxVersion: tls.VersionTLS12}); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.2: %v, want a refusal of the version", err)
	}
}

func TestWithAClientAuthorityOnlyItsClientsMayCall(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	s := serve(t, nil, func(c *Config) {
		c.TLS = secured(t, a, "server")
		c.TLS.ClientCA = filepath.Join(t.TempDir(), "clients.pem")
		write(t, c.TLS.ClientCA, a.pem)
	})
	call := func(from *authority) error {
		config := &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1"}
		if from != nil {
			pair, err := tls.X509KeyPair(from.issue("client"))
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		conn := dial(t, s.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(config)))
		_, err := stetv1.NewEventStoreClient(conn).GetHead(waiting(t), &stetv1.GetHeadRequest{})
		return err
	}
	if err := call(a); err != nil {
		t.Errorf("a client with a certificate: %v", err)
	}
	if err := call(nil); err == nil {
		t.Error("a client without a certificate was served")
	}
	if err := call(other); err == nil {
		t.Error("a client of another authority was served")
	}
}

func TestChangedTLSFilesAreReadAgain(t *testing.T) {
	a := newAuthority(t)
	var files TLSFiles
	s := serve(t, nil, func(c *Config) {
		files = secured(t, a, "first")
		c.TLS, c.Clock = files, &stepClock{}
	})
	want := func(name string) {
		t.Helper()
		if got, err := shownBy(t, s.Addr().String(), &tls.Config{RootCAs: a.pool()}); err != nil || got != name {
			t.Errorf("shows %q, %v, want %q", got, err, name)
		}
	}
	want("first")

	cert, key := a.issue("second")
	write(t, files.Cert, cert)
	want("first") // the key does not fit yet
	want("first")
	s.log.wants(t, "the old ones stay in use")
	if n := strings.Count(s.log.String(), "the old ones stay in use"); n != 1 {
		t.Errorf("one broken pair was reported %d times", n)
	}
	write(t, files.Key, key)
	want("second")
	s.log.wants(t, "the TLS files were read again")

	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	want("second")
	if n := strings.Count(s.log.String(), "the old ones stay in use"); n != 2 {
		t.Errorf("two broken states were reported %d times", n)
	}
	cert, key = a.issue("third")
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	want("third")
}

func TestFilesAreLookedAtOnceASecondAtMost(t *testing.T) {
	a := newAuthority(t)
	files := secured(t, a, "first")
	source := &stepClock{}
	c, err := loadCertificates(files, source, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := a.issue("second")
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	before := c.current.Load()
	source.at.Add(-1) // the next look comes a moment too soon
	if _, err := c.config().GetConfigForClient(nil); err != nil || c.current.Load() != before {
		t.Errorf("looked again within a second: %v", err)
	}
	if _, err := c.config().GetConfigForClient(nil); err != nil || c.current.Load() == before {
		t.Errorf("did not look after a second: %v", err)
	}
}

func TestUnusableTLSFilesStopTheStart(t *testing.T) {
	a := newAuthority(t)
	good, other := secured(t, a, "server"), secured(t, a, "other")
	noCA := filepath.Join(t.TempDir(), "empty.pem")
	write(t, noCA, []byte("nothing"))
	for want, files := range map[string]TLSFiles{
		"no such file":        {Cert: good.Cert + "x", Key: good.Key},
		"does not match":      {Cert: good.Cert, Key: other.Key},
		"no PEM certificate":  {Cert: good.Cert, Key: good.Key, ClientCA: noCA},
		"give both a certifi": {ClientCA: noCA},
	} {
		if _, err := New(nil, Config{TLS: files}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", files, err, want)
		}
	}
}
