package main

import (
	"os"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
)

// observer reads what client and server have used around one window.
type observer struct {
	running *running
	disk    machine.Disk // zero: the processes' own counts of bytes written are taken
	missed  bool         // the server did not tell its commits at one end
}

// begin reads what only grows, end memory too.
func (o *observer) begin() (client, server workload.Usage) { return o.read(machine.Spent) }
func (o *observer) end() (client, server workload.Usage)   { return o.read(machine.Used) }

func (o *observer) read(used func(pid int) machine.Process) (client, server workload.Usage) {
	client = workload.UsageOf(machine.Self())
	if o.running.pid != 0 {
		server = workload.UsageOf(used(o.running.pid))
	}
	if written, known := o.disk.WrittenBytes(); known {
		server.WrittenBytes = written
	}
	if o.running.commits != nil {
		n, known := o.running.commits()
		server.Commits, o.missed = n, o.missed || !known
	}
	return client, server
}

// known takes out of a round what could not be read at both ends.
func (o *observer) known(round *workload.Round) {
	if o.missed {
		round.Server.Commits = 0
	}
	for _, u := range []*workload.Usage{&round.Client, &round.Server} {
		u.CPU, u.WrittenBytes = max(u.CPU, 0), max(u.WrittenBytes, 0)
		u.Commits, u.Switches = max(u.Commits, 0), max(u.Switches, 0)
	}
}

// process is the one that does the system's work: this one when it has none of
// its own.
func (r *running) process() int {
	if r.pid == 0 {
		return os.Getpid()
	}
	return r.pid
}

// memory is what the system's own process has resident; 0: it has none.
func (r *running) memory() float64 {
	if r.pid == 0 {
		return 0
	}
	return float64(machine.Used(r.pid).MemoryBytes)
}
