package kling

// advice is what an operator does about an answer with one of Kling's codes.
var advice = map[int]string{
	1000: "Check the key: Kling does not know it, or its secret is wrong. Make a new one in Kling's console and replace it here.",
	1001: "Check the key: none arrived. A proxy between here and Kling may take the header off.",
	1002: "Check the key: Kling cannot read it. New-generation models take API keys only, not AccessKey|SecretKey.",
	1003: "Check this machine's clock: Kling calls the token not valid yet.",
	1004: "Check this machine's clock: Kling calls the token expired.",
	1100: "Ask Kling's support: the account is blocked.",
	1101: "Top up the Kling account: it is in arrears.",
	1102: "Buy a resource pack of the product's kind: the account's is used up or has expired.",
	1103: "Ask Kling to open this model to the account, or take it off the channel's models.",
	1200: "Look at the order: Kling refused its parameters.",
	1201: "Look at the order: Kling refused one of its values.",
	1202: "Check base_url: this host does not know the method.",
	1203: "Check base_url and models: this host does not have the model.",
	1300: "Tell the caller: the order breaks Kling's rules.",
	1301: "Tell the caller: the content filter refused the prompt or a picture.",
	1302: "Nothing to do when it is rare. Else lower the rate of tokens, or add an account.",
	1303: "Set max_live to what the account's pack allows at once, or add an account.",
	1304: "Put this machine's public address on the account's allow-list in Kling's console.",
	5000: "Wait: Kling has an internal error.",
	5001: "Wait: Kling is in maintenance.",
	5002: "Wait: Kling is slow.",
}

// Advice is what an operator does about one of Kling's codes, "" when nothing
// is known.
func Advice(code int) string { return advice[code] }
