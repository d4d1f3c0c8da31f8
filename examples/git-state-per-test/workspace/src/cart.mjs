export function add(cart, item, count) {
	if (count < 0) throw new RangeError("a cart holds no negative counts");
	return { ...cart, [item]: (cart[item] ?? 0) + count };
}
