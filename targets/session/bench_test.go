package session_test

import (
	"testing"
	"time"

	"authbench/targets/session"
	"authbench/targets/store"
)

// Over the memory store: what the session itself costs, without the trip.

func benchManager(b *testing.B) (*session.Manager, session.Credential) {
	b.Helper()
	mem, err := store.Open(b.Context(), store.Config{Kind: "memory"})
	if err != nil {
		b.Fatal(err)
	}
	m, err := session.New(mem, session.Config{Idle: time.Hour, Absolute: time.Hour, TouchEvery: time.Minute, CSRFKey: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	cred, err := m.Login(b.Context(), "alice", []string{"user"}, "")
	if err != nil {
		b.Fatal(err)
	}
	return m, cred
}

func BenchmarkAuthenticate(b *testing.B) {
	m, cred := benchManager(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Authenticate(b.Context(), cred.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	m, _ := benchManager(b)
	b.ReportAllocs()
	var previous string
	for b.Loop() {
		cred, err := m.Login(b.Context(), "bob", []string{"user"}, previous)
		if err != nil {
			b.Fatal(err)
		}
		previous = cred.ID
	}
}

func BenchmarkCheckCSRF(b *testing.B) {
	m, cred := benchManager(b)
	b.ReportAllocs()
	for b.Loop() {
		if !m.CheckCSRF(cred.ID, cred.CSRF) {
			b.Fatal("refused")
		}
	}
}
