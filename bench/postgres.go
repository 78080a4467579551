package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresInstall says how to get the peer when it is missing.
const postgresInstall = "PostgreSQL is not on PATH nor under /usr/lib/postgresql; install it, for example: apt-get install postgresql"

// postgres is one PostgreSQL with a table like message-db's.
func postgres(bin string) system {
	return system{name: "PostgreSQL", durable: true, start: func(ctx context.Context, dir string, _ bool) (*running, error) {
		return startPostgres(ctx, bin, dir)
	}}
}

// findPostgres is the directory with initdb and postgres, the newest one.
func findPostgres() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New(postgresInstall)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(newest), nil
}

func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0 // older than any
	}
	return n
}

// unprivileged makes a command run as somebody else when this is root, because
// PostgreSQL refuses root.
func unprivileged(cmd *exec.Cmd, dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return fmt.Errorf("PostgreSQL does not run as root, and there is neither postgres nor nobody: %w", err)
		}
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	cmd.Dir = dir
	return os.Chown(dir, uid, gid)
}

// postgresSettings keep the defaults of durability and give it room. Written
// out, so that RESULTS.md can show them.
var postgresSettings = []string{
	"fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=512MB", "min_wal_size=1GB", "max_wal_size=4GB", "max_connections=400",
	"listen_addresses=127.0.0.1", "unix_socket_directories=",
}

const postgresSchema = `CREATE TABLE IF NOT EXISTS messages (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream   text NOT NULL,
  version  bigint NOT NULL,
  id       uuid NOT NULL DEFAULT gen_random_uuid(),
  type     text NOT NULL,
  data     json NOT NULL,
  metadata json,
  time     timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream, version)
)`

func startPostgres(ctx context.Context, bin, dir string) (_ *running, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(dir, "PG_VERSION"))
	fresh := err != nil
	if fresh {
		initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", dir, "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C", "--no-sync")
		if err := unprivileged(initdb, dir); err != nil {
			return nil, err
		}
		if out, err := initdb.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", dir, "-p", strconv.Itoa(port)}
	for _, setting := range postgresSettings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	if err := unprivileged(cmd, dir); err != nil {
		return nil, err
	}
	var log strings.Builder
	cmd.Stderr = &log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error {
		_ = cmd.Process.Signal(syscall.SIGINT) // a fast shutdown; one that has ended is told by Wait
		return cmd.Wait()
	}
	d, version, err := dialPostgres(ctx, port)
	if err != nil {
		return nil, errors.Join(err, stop(), errors.New(log.String()))
	}
	took := time.Since(began)
	if fresh {
		if err := d.prepareLog(ctx); err != nil {
			d.pool.Close()
			return nil, errors.Join(err, stop())
		}
	}
	return &running{
		driver: d, pid: cmd.Process.Pid, version: version, took: took,
		stop: func() error { d.pool.Close(); return stop() },
	}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// startTimeout bounds how long the server may take to accept connections.
const startTimeout = time.Minute

func dialPostgres(ctx context.Context, port int) (*pgDriver, string, error) {
	config, err := pgxpool.ParseConfig(fmt.Sprintf("postgres://bench@127.0.0.1:%d/postgres?sslmode=disable", port))
	if err != nil {
		return nil, "", err
	}
	config.MaxConns = 64
	d := &pgDriver{config: config.ConnConfig}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, "", err
	}
	var version string
	for began := time.Now(); ; {
		err := d.pool.QueryRow(ctx, "SHOW server_version").Scan(&version)
		if err == nil {
			break
		}
		if time.Since(began) > startTimeout || ctx.Err() != nil {
			d.pool.Close()
			return nil, "", err
		}
		<-time.After(10 * time.Millisecond) // it does not say when it is ready
	}
	if _, err := d.pool.Exec(ctx, postgresSchema); err != nil {
		d.pool.Close()
		return nil, "", err
	}
	return d, version + ", pgx " + module("github.com/jackc/pgx/v5"), nil
}

// pgDriver reads with a pool, and gives each writer a connection of its own.
type pgDriver struct {
	config *pgx.ConnConfig
	pool   *pgxpool.Pool
}

// prepareLog writes the log full once, so that its files are used again, as on
// a server that has run for a while: making new ones would slow the commits.
func (d *pgDriver) prepareLog(ctx context.Context) error {
	const megabytes = 1 << 10 // min_wal_size
	if _, err := d.pool.Exec(ctx, fmt.Sprintf("SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) FROM generate_series(1, %d)", megabytes)); err != nil {
		return err
	}
	for range 2 {
		if _, err := d.pool.Exec(ctx, "CHECKPOINT"); err != nil {
			return err
		}
	}
	return nil
}
