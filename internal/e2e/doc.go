// Package e2e is the gateway seen from outside: whole nodes on real databases,
// a simulated Kling behind them and nothing but HTTP in front. Its tests speak
// as strangers do, and each ends with the books compared to what Kling did.
package e2e
