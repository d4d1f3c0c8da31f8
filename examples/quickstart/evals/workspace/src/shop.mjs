/** What the items of a basket cost together. */
export function total(items) {
	return items.reduce((sum, item) => sum + item.price, 0);
}

/** A tenth less for amounts over 100. */
export function discounted(amount) {
	return amount > 100 ? amount * 0.9 : amount;
}
