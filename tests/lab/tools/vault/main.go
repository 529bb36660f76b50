// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The brokerops.messaging authors

// Command vault is a HashiCorp Vault for tests: its own core, HTTP interface and KV engine, unsealed, with
// everything in memory and an engine of version 2 at secret/. What else `vault server -dev` brings along,
// clouds, databases and the command line, takes many times as long to build.
//
// The address to listen at is its argument; the root token is ROOT_TOKEN of the environment.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	if len(os.Args) != 2 || os.Getenv("ROOT_TOKEN") == "" {
		fail(fmt.Errorf("usage: ROOT_TOKEN=... vault ADDRESS"))
	}
	core, err := unsealed(os.Getenv("ROOT_TOKEN"))
	fail(err)
	listener, err := net.Listen("tcp", os.Args[1])
	fail(err)
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{},
	})
	fail(http.Serve(listener, handler))
}

// unsealed starts a core, as `vault server -dev` does.
func unsealed(token string) (*vault.Core, error) {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		LogicalBackends: map[string]logical.Factory{"kv": kv.Factory},
		BuiltinRegistry: noPlugins{},
		DevToken:        token,
		DisableMlock:    true,
		Logger:          logger,
	})
	if err != nil {
		return nil, err
	}
	ctx := namespace.ContextWithNamespace(context.Background(), namespace.RootNamespace)
	made, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig:  &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
		RecoveryConfig: &vault.SealConfig{},
	})
	if err != nil {
		return nil, err
	}
	if _, err := core.Unseal(made.SecretShares[0]); err != nil {
		return nil, err
	}
	for _, write := range []logical.Request{
		{Path: "auth/token/create", Data: map[string]any{
			"id": token, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true,
		}},
		{Path: "sys/mounts/secret", Data: map[string]any{
			"type": "kv", "options": map[string]string{"version": "2"},
		}},
	} {
		write.Operation, write.ClientToken = logical.UpdateOperation, made.RootToken
		answer, err := core.HandleRequest(ctx, &write)
		if err == nil && answer.IsError() {
			err = answer.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", write.Path, err)
		}
	}
	return core, nil
}

// noPlugins is a catalogue with nothing in it.
type noPlugins struct{}

func (noPlugins) Contains(string, consts.PluginType) bool { return false }

func (noPlugins) Get(string, consts.PluginType) (func() (any, error), bool) { return nil, false }

func (noPlugins) Keys(consts.PluginType) []string { return nil }

func (noPlugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Unknown, false
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
