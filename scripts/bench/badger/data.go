package main

import (
	"encoding/binary"
	"math"
)

// Twin of ../data.ts and ../zipf.ts: the same keys, values and order of accesses.

const (
	keyBytes   = 16
	poolBytes  = 4 << 20
	poolSeed   = 20261122
	poolStride = 61
	accessSeed = 88172645
	ycsbSeed   = 362436069
	zipfTheta  = 0.99
)

func mix(x uint32) uint32 {
	x = (x ^ (x >> 16)) * 0x85ebca6b
	x = (x ^ (x >> 13)) * 0xc2b2ae35
	return x ^ (x >> 16)
}

type Xorshift struct{ state uint32 }

func (x *Xorshift) next() uint32 {
	s := x.state
	s ^= s << 13
	s ^= s >> 17
	s ^= s << 5
	x.state = s
	return s
}

func (x *Xorshift) below(bound int) int { return int(x.next()) % bound }

func (x *Xorshift) fraction() float64 { return float64(x.next()) / 0x1_0000_0000 }

type Keys struct {
	sequential bool
	probe      [keyBytes]byte
}

// Valid until the next call.
func (k *Keys) at(index int) []byte {
	k.write(k.probe[:], index)
	return k.probe[:]
}

// Fresh memory, which a store may keep.
func (k *Keys) fresh(index int) []byte {
	key := make([]byte, keyBytes)
	k.write(key, index)
	return key
}

func (k *Keys) write(key []byte, index int) {
	i := uint32(index)
	if k.sequential {
		binary.BigEndian.PutUint32(key[12:], i)
		return
	}
	binary.LittleEndian.PutUint32(key, mix(i))
	binary.LittleEndian.PutUint32(key[4:], mix(i+0x9e3779b9))
	binary.LittleEndian.PutUint32(key[8:], mix(i+0x3c6ef372))
	binary.LittleEndian.PutUint32(key[12:], mix(i+0xdaa66d2b))
}

type Values struct {
	pool   []byte
	length int
}

func newValues(length int) Values {
	random := Xorshift{poolSeed}
	pool := make([]byte, poolBytes)
	for i := 0; i < poolBytes; i += 4 {
		binary.LittleEndian.PutUint32(pool[i:], random.next())
	}
	return Values{pool, length}
}

func (v Values) at(index int) []byte { return v.sized(index, v.length) }

func (v Values) sized(index, length int) []byte {
	start := (index * poolStride) % (poolBytes - length)
	return v.pool[start : start+length]
}

type Zipf struct {
	items            int
	zeta, alpha, eta float64
	random           *Xorshift
}

func newZipf(items int, random *Xorshift) *Zipf {
	z := zeta(items)
	return &Zipf{
		items:  items,
		zeta:   z,
		alpha:  1 / (1 - zipfTheta),
		eta:    (1 - math.Pow(2/float64(items), 1-zipfTheta)) / (1 - zeta(2)/z),
		random: random,
	}
}

func (z *Zipf) rank() int {
	u := z.random.fraction()
	uz := u * z.zeta
	if uz < 1 {
		return 0
	}
	if uz < 1+math.Pow(0.5, zipfTheta) {
		return 1
	}
	return int(float64(z.items) * math.Pow(z.eta*u-z.eta+1, z.alpha))
}

func (z *Zipf) scattered() int { return int(mix(uint32(z.rank()))) % z.items }

func zeta(items int) float64 {
	sum := 0.0
	for i := 1; i <= items; i++ {
		sum += 1 / math.Pow(float64(i), zipfTheta)
	}
	return sum
}
