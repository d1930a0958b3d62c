// The page's own fonts, to be put into a file.

/** Rules for the fonts that the page's sheets bring, with the fonts in them; empty where none are. */
export async function fontFaces() {
  const rules = [...document.styleSheets].flatMap(facesOf);
  const made = await Promise.all(rules.map(whole));
  return made.join("\n");
}

function facesOf(sheet) {
  try {
    return [...sheet.cssRules].flatMap((rule) => {
      if (rule instanceof CSSFontFaceRule) return [{ rule, base: sheet.href ?? document.baseURI }];
      if (rule.styleSheet) return facesOf(rule.styleSheet);
      return rule.cssRules ? facesOf({ cssRules: rule.cssRules, href: sheet.href }) : [];
    });
  } catch {
    return []; // a sheet that may not be read, as of a page from disk
  }
}

async function whole({ rule, base }) {
  const [found, address] = rule.cssText.match(/url\("([^"]+)"\)/) ?? [];
  if (!found || address.startsWith("data:")) return rule.cssText;
  try {
    const font = await (await fetch(new URL(address, base))).blob();
    return rule.cssText.replace(found, `url("${await asData(font)}")`);
  } catch {
    return ""; // then the next font of the list is taken
  }
}

function asData(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
