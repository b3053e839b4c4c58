// Numbers as learners write them.

export const latinDigits = (text) => text.normalize("NFC").replace(/[০-৯]/g, (d) => d.charCodeAt(0) - 0x09e6);

/** A number as a learner writes it: "-0.084", "−০.০৮৪", "1,000"; NaN where it is none. */
export function readNumber(text) {
  const plain = latinDigits(text).replace(/−/g, "-").replace(/[,\s]/g, "");
  return plain === "" ? NaN : Number(plain);
}
