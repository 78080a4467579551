package server

import (
	"context"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/storage"
)

// append writes a completed proposal under the rules of the specification:
// whoever writes into a category that has one is held to it, whichever call he
// takes.
func (s *Service) append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	if err := s.stampKey(ctx, a); err != nil {
		return storage.Appended{}, err
	}
	if s.aggregates == nil {
		return s.store.Append(ctx, a)
	}
	return s.aggregates.Append(ctx, a, keyring.Name(ctx))
}

// check holds a completed proposal of a pipeline to the rules, as far as that
// needs no state.
func (s *Service) check(ctx context.Context, a *storage.Append) error {
	if err := s.stampKey(ctx, a); err != nil {
		return err
	}
	if s.aggregates == nil {
		return nil
	}
	return s.aggregates.CheckAppend(a, keyring.Name(ctx))
}
