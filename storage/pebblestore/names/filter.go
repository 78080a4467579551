package names

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

const (
	// blockBits is a cache line: all bits of a name lie in one.
	blockBits  = 512
	blockWords = blockBits / 64
	// blocks makes 4 MiB: 16 bits for each of two million names.
	blocks = 1 << 16
	// bitsEach is how many bits a name sets.
	bitsEach = 6
	// bitWidth is how much of a hash chooses a bit of a block.
	bitWidth = 9
	// spread is odd and near 2^64 divided by the golden ratio. A hash times it has
	// high bits that depend on all lower ones; they choose the bits.
	spread = 0x9e3779b97f4a7c15
	// filterNames is how many names a filter is of use for: with so many it still
	// says of three in four new ones that they are new.
	filterNames = 8_000_000
)

// filter knows of most names that were never added that they were not, in a
// fixed amount of memory: a Bloom filter whose bits of a name share a cache line
// (Putze, Sanders and Singler, 2007). It never says so of a name that was added.
// It is safe for concurrent use; make it with newFilter.
type filter struct {
	words []atomic.Uint64
	seed  maphash.Seed // of this process: nobody can choose names that share bits
}

func newFilter() *filter {
	return &filter{words: make([]atomic.Uint64, blocks*blockWords), seed: maphash.MakeSeed()}
}

func (f *filter) add(name string) {
	hash := maphash.String(f.seed, name)
	block := f.block(hash)
	for i := range bitsEach {
		word, bit := place(hash, i)
		if block[word].Load()&bit == 0 { // most are set already where names come again
			block[word].Or(bit)
		}
	}
}

// lacks tells that the name was not added. False: it was, or that is not known.
func (f *filter) lacks(name string) bool {
	hash := maphash.String(f.seed, name)
	block := f.block(hash)
	for i := range bitsEach {
		word, bit := place(hash, i)
		if block[word].Load()&bit == 0 {
			return true
		}
	}
	return false
}

func (f *filter) block(hash uint64) []atomic.Uint64 {
	at := hash >> (64 - bits.Len(blocks-1)) * blockWords
	return f.words[at : at+blockWords]
}

// place is the i-th bit of a hash in its block.
func place(hash uint64, i int) (word int, bit uint64) {
	n := hash * spread >> (64 - (i+1)*bitWidth) % blockBits
	return int(n / 64), 1 << (n % 64)
}
